"""`manage.py refund`: refund orders from the command line."""

import getpass
import sys
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from tqdm import tqdm

from core.commands import SOME_FAILED
from core.errors import DomainError
from core.money import format_money
from payments.lookup import find_by_number
from payments.models import Payment
from refunds.errors import InvalidRequest
from refunds.inputs import RefundRequest, parse_amount, parse_request, parse_uid
from refunds.management.base import RefundCommand, operator
from refunds.messages import message_of
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.serialization import Json, error_json, payment_json, preview_json, refund_json
from refunds.services.preview import preview_refund
from refunds.services.refund import request_refund

_TEXTS = ("reason", "refund_holder", "refund_bank", "refund_account", "refund_tel")
_AMOUNTS = ("amount", "tax_free", "vat_amount")
# Read from standard input, in this order, where the argument is "-".
_PROMPTS = {
    "refund_holder": _("Account holder"),
    "refund_account": _("Account number"),
    "refund_tel": _("Holder's telephone"),
}


class Command(RefundCommand):
    help = (
        "Refund orders in full, or --amount of each. "
        "Exit code: 0 all refunded, 1 some failed or are still open, 2 usage or configuration."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("order", nargs="+", metavar="MERCHANT_UID", help="Order number or imp_uid.")
        parser.add_argument("--amount", metavar="N", help="Amount to refund of each order (default: all that is left).")
        parser.add_argument("--reason", default="", metavar="TEXT", help="Reason; the buyer can read it.")
        prompted = "Use - to enter it at a prompt, so that it is in no process list and no shell history."
        parser.add_argument(
            "--refund-holder", default="", metavar="H", help=f"Account holder (virtual accounts). {prompted}"
        )
        parser.add_argument("--refund-bank", default="", metavar="CODE", help="Bank code or name.")
        parser.add_argument("--refund-account", default="", metavar="N", help=f"Account number. {prompted}")
        parser.add_argument("--refund-tel", default="", metavar="T", help=f"Telephone number of the holder. {prompted}")
        parser.add_argument("--tax-free", metavar="N", help="Tax-free part of the amount.")
        parser.add_argument("--vat-amount", metavar="N", help="VAT part of the amount.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would be refunded; send nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json = options["json"]
        try:
            request = _read_request(options)
        except InvalidRequest as exc:
            raise self.usage_error(exc.message, code=exc.code, as_json=as_json) from exc
        if not options["dry_run"]:
            self.ensure_configured(as_json=as_json)
        orders = list(dict.fromkeys(options["order"]))
        results = []
        for order in tqdm(orders, unit=" orders", disable=None if len(orders) > 1 else True, file=self.stderr):
            result = _preview(order, request) if options["dry_run"] else _refund(order, request)
            results.append(result)
            if not as_json:
                self._write_result(result)
        ok = all(result["ok"] for result in results)
        if as_json:
            self.write_json({"ok": ok, "dry_run": options["dry_run"], "results": results})
        if not ok:
            raise SystemExit(SOME_FAILED)

    def _write_result(self, result: Json) -> None:
        line = f"{result['order']}: {result['message']}"
        self.stdout.write(line) if result["ok"] else self.stderr.write(line)
        for warning in result.get("warnings", ()):
            self.stdout.write(f"  {warning['message']}")


def _prompt(name: str) -> str:
    """Read a line of standard input; at a terminal, prompt for it without echo."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{_PROMPTS[name]}: ")
    return sys.stdin.readline().rstrip("\r\n")


def _read_request(options: dict[str, Any]) -> RefundRequest:
    amounts: dict[str, Decimal] = {
        name: parse_amount(options[name], field=name) for name in _AMOUNTS if options[name] is not None
    }
    texts = {name: options[name] for name in _TEXTS}
    texts |= {name: _prompt(name) for name in _PROMPTS if options[name] == "-"}
    return parse_request(texts, requester="admin", **amounts)


def _find(order: str) -> Payment:
    return find_by_number(payments=Payment.objects.all(), number=parse_uid(order, field="merchant_uid"))


def _refund(order: str, request: RefundRequest) -> Json:
    try:
        refund = request_refund(payment=_find(order), request=request, actor=operator(), source=RefundSource.COMMAND)
    except DomainError as exc:
        return {"order": order, "ok": False, **error_json(exc)}
    done = refund.status == RefundStatus.SUCCEEDED
    return {
        "order": order,
        "ok": done,
        "code": "" if done else refund.status,
        "message": _done_message(refund) if done else message_of(refund),
        "payment": payment_json(refund.payment),
        "refund": refund_json(refund),
    }


def _done_message(refund: RefundRecord) -> str:
    payment = refund.payment
    return gettext("%(amount)s refunded, %(left)s left to refund.") % {
        "amount": format_money(refund.booked_amount, payment.currency),
        "left": format_money(payment.refundable_amount, payment.currency),
    }


def _preview(order: str, request: RefundRequest) -> Json:
    try:
        preview = preview_refund(payment=_find(order), request=request)
    except DomainError as exc:
        return {"order": order, "ok": False, **error_json(exc)}
    return {"order": order, **preview_json(preview)}
