"""`manage.py refund`: refund orders from the command line."""

import getpass
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from django.core.management.base import CommandParser
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from tqdm import tqdm

from core.commands import INTERRUPTED, SOME_FAILED, UNEXPECTED, failure, log_broken_off, stop_signals
from core.errors import DomainError
from core.money import format_money
from payments.lookup import find_by_number
from payments.models import Payment
from refunds.errors import ConfirmationRequired, InvalidRequest
from refunds.inputs import RefundRequest, parse_amount, parse_confirmed, parse_request, parse_text, parse_uid
from refunds.management.base import RefundCommand, operator
from refunds.management.sheet_refund import SheetRefund
from refunds.messages import message_of
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.serialization import Json, error_json, payment_json, preview_json, refund_json
from refunds.services.idempotency import find_by_key
from refunds.services.preview import preview_refund
from refunds.services.refund import request_refund

MAX_KEY_LENGTH = 200
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
        parser.add_argument("order", nargs="*", metavar="MERCHANT_UID", help="Order number or imp_uid.")
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
        parser.add_argument(
            "--retain-promotion",
            action="store_true",
            help="The rest keeps its promotion, even if it no longer meets the conditions.",
        )
        parser.add_argument(
            "--confirm",
            action="append",
            default=[],
            metavar="CODE",
            help="Refund despite this warning, such as account_holder_differs. A terminal asks otherwise.",
        )
        parser.add_argument(
            "--key",
            metavar="KEY",
            help="With the same KEY and order again, nothing is refunded twice: the first outcome is repeated.",
        )
        _add_file_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="Show what would be refunded; send nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json = options["json"]
        try:
            _ensure_one_way(options)
            request, key = _read_request(options), _read_key(options["key"])
        except InvalidRequest as exc:
            raise self.usage_error(exc.message, code=exc.code, as_json=as_json) from exc
        if not options["dry_run"]:
            self.ensure_configured(as_json=as_json)
        if options["file"] is not None:
            SheetRefund(self, options, request.reason).run()
        else:
            self._refund_orders(request, key, options)

    def _refund_orders(self, request: RefundRequest, key: str, options: dict[str, Any]) -> None:
        as_json = options["json"]
        results = []
        refund = partial(self._refund_asking, may_ask=sys.stdin.isatty() and not as_json)
        send = _preview if options["dry_run"] else partial(refund, key=key)
        for result in self._results(list(dict.fromkeys(options["order"])), request, send):
            results.append(result)
            if not as_json:
                self._write_result(result)
        ok = all(result["ok"] for result in results)
        if as_json:
            self.write_json({"ok": ok, "dry_run": options["dry_run"], "results": results})
        if not ok:
            raise SystemExit(SOME_FAILED)

    def _results(
        self, orders: list[str], request: RefundRequest, send: Callable[[str, RefundRequest], Json]
    ) -> Iterator[Json]:
        """Yield one result per order, whatever happens on the way."""
        with stop_signals() as stopped:
            for order in tqdm(orders, unit=" orders", disable=None if len(orders) > 1 else True, file=self.stderr):
                if stopped.is_set():
                    yield failure(order, INTERRUPTED, gettext("The command was interrupted. Nothing was requested."))
                else:
                    yield send(order, request)

    def _refund_asking(self, order: str, request: RefundRequest, *, key: str, may_ask: bool) -> Json:
        """Refund an order. At a terminal, ask whether to refund despite a warning that has to be confirmed."""
        result = _refund(order, request, key)
        if result["code"] != ConfirmationRequired.code or not may_ask:
            return result
        self.stderr.write(f"{order}: {result['message']}")
        self.stderr.write(gettext("Refund anyway? [y/N] "), ending="")
        if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
            return result
        codes = {warning["code"] for warning in result["warnings"]}
        return _refund(order, replace(request, confirmed=request.confirmed | codes), key)

    def _write_result(self, result: Json) -> None:
        line = f"{result['order']}: {result['message']}"
        self.stdout.write(line) if result["ok"] else self.stderr.write(line)
        if result["code"] == ConfirmationRequired.code:
            codes = " ".join(f"--confirm {warning['code']}" for warning in result["warnings"])
            self.stderr.write("  " + gettext("Nothing was sent. To refund anyway, add: %(codes)s") % {"codes": codes})
            return
        for warning in result.get("warnings", ()):
            self.stdout.write(f"  {warning['message']}")


def _add_file_arguments(parser: CommandParser) -> None:
    parser.add_argument(
        "--file",
        metavar="FILE",
        help="Refund the orders of a sheet (CSV, TSV or XLSX; - reads standard input) instead, as one bulk refund. "
        "With the same file again, that one is continued.",
    )
    parser.add_argument(
        "--total",
        action="append",
        metavar="N",
        help='With --file: the total to refund, as the preview shows it; "12.50 USD" for each currency.',
    )
    parser.add_argument("--yes", action="store_true", help="With --file: accept the warnings of the preview.")


def _ensure_one_way(options: dict[str, Any]) -> None:
    """Raise `InvalidRequest` unless there are either orders or a file, with the options of it only."""
    if (options["file"] is None) == (not options["order"]):
        message = gettext("Give either orders or --file.")
        raise InvalidRequest("invalid_options", message, field="order")
    if options["file"] is None:
        unfit = [name for name in ("total", "yes") if options[name]]
    else:
        texts = (name for name in _TEXTS if name != "reason" and options[name])
        amounts = (name for name in (*_AMOUNTS, "key") if options[name] is not None)
        flags = (name for name in ("retain_promotion", "confirm") if options[name])
        unfit = [*texts, *amounts, *flags]
    if unfit:
        option = f"--{unfit[0].replace('_', '-')}"
        if options["file"] is None:
            message = gettext("%(option)s needs --file.") % {"option": option}
        else:
            message = gettext("%(option)s cannot be used with --file: the sheet has it for each order.")
            message %= {"option": option}
        raise InvalidRequest("invalid_options", message, field=unfit[0])


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
    return parse_request(
        texts,
        requester="admin",
        amount=amounts.get("amount"),
        tax_free=amounts.get("tax_free"),
        vat_amount=amounts.get("vat_amount"),
        retain_promotion=options["retain_promotion"],
        confirmed=parse_confirmed(options["confirm"]),
    )


def _read_key(given: str | None) -> str:
    """Return the key of this run: without one given, every run is a new request. Raises `InvalidRequest`."""
    if given is None:
        return str(uuid.uuid4())
    if not given.strip():
        raise InvalidRequest("invalid_idempotency_key", gettext("--key is empty."), field="key")
    return parse_text(given, field="key", max_length=MAX_KEY_LENGTH)


def _key_of(payment: Payment, key: str) -> str:
    return f"command:{key}:{payment.imp_uid}"


def _find(order: str) -> Payment:
    number = parse_uid(order, field="merchant_uid")
    return find_by_number(payments=Payment.objects.all(), number=number, ask_gateway=True)


def _made(order: str, key: str) -> RefundRecord | None:
    """Return the refund that this key made of the order, if any: by now, its number may mean another payment."""
    number = parse_uid(order, field="merchant_uid")
    payments = Payment.objects.filter(Q(imp_uid=number) | Q(merchant_uid=number))
    made = (find_by_key(None, _key_of(payment, key)) for payment in payments)
    return next((record for record in made if record), None)


def _refund(order: str, request: RefundRequest, key: str) -> Json:
    try:
        made = _made(order, key)
        payment = made.payment if made else _find(order)
        refund = request_refund(
            payment=payment,
            request=request,
            actor=operator(),
            source=RefundSource.COMMAND,
            idempotency_key=_key_of(payment, key),
        )
    except DomainError as exc:
        return {"order": order, "ok": False, **error_json(exc)}
    except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001 - logged below
        log_broken_off(f"the refund of {order}", exc)
        return _broken_off(order, key, INTERRUPTED if isinstance(exc, KeyboardInterrupt) else UNEXPECTED)
    return _result(order, refund)


def _broken_off(order: str, key: str, code: str) -> Json:
    """The result of an order whose refund raised an unknown error: what is recorded of it, if that can be read."""
    message = gettext("Something went wrong. Check the order before you request its refund again.")
    close_old_connections()
    try:
        made = _made(order, key)
    except DatabaseError:
        made = None
    if made is None or made.status == RefundStatus.SUCCEEDED:
        return _result(order, made) if made else failure(order, code, message)
    return failure(order, code, message) | {"payment": payment_json(made.payment), "refund": refund_json(made)}


def _result(order: str, refund: RefundRecord) -> Json:
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
