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
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from tqdm import tqdm

from core.commands import INTERRUPTED, SOME_FAILED, failure, stop_signals
from refunds.errors import AwaitingApproval, ConfirmationRequired, InvalidRequest
from refunds.inputs import RefundRequest, parse_confirmed, parse_request, parse_text, parse_typed_amount
from refunds.management.approval_output import decision_text
from refunds.management.base import RefundCommand
from refunds.management.order_refund import TypedAmounts, preview_one, refund_one, to_confirm
from refunds.management.sheet_refund import SheetRefund
from refunds.serialization import Json, error_json

MAX_KEY_LENGTH = 200
_TEXTS = ("reason", "reason_code", "refund_holder", "refund_bank", "refund_account", "refund_tel")
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
        parser.add_argument(
            "--amount",
            metavar="N",
            help="Amount to refund of each order (default: all that is left), such as 4000, 4,000 or 4000원.",
        )
        parser.add_argument("--reason", default="", metavar="TEXT", help="Reason; the buyer can read it.")
        parser.add_argument("--reason-code", default="", metavar="CODE", help="Code of a reason of the shop's list.")
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
            help="Refund despite this warning, such as account_holder_differs. Without it, a terminal asks about "
            "warnings, but not about costs and times; elsewhere nothing is sent where the money may reach a stranger.",
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
            typed = {name: options[name] for name in _AMOUNTS if options[name] is not None}
            request, key = _read_request(options, typed), _read_key(options["key"])
        except InvalidRequest as exc:
            raise self.usage_error(exc.message, code=exc.code, as_json=as_json) from exc
        if not options["dry_run"]:
            self.ensure_configured(as_json=as_json)
        if options["file"] is not None:
            SheetRefund(self, options, request).run()
        else:
            self._refund_orders(request, typed, key, options)

    def _refund_orders(self, request: RefundRequest, typed: TypedAmounts, key: str, options: dict[str, Any]) -> None:
        as_json = options["json"]
        results = []
        send: Callable[[str, RefundRequest], Json] = partial(preview_one, typed=typed)
        if not options["dry_run"]:
            may_ask = sys.stdin.isatty() and not as_json
            send = partial(self._refund_asking if may_ask else refund_one, typed=typed, key=key)
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

    def _refund_asking(self, order: str, request: RefundRequest, typed: TypedAmounts, *, key: str) -> Json:
        """Refund an order at a terminal: ask first whether to refund it despite its warnings."""
        if warnings := to_confirm(order, request, typed, key=key):
            for warning in warnings:
                self.stderr.write(f"{order}: {warning.message}")
            self.stderr.write(gettext("Refund anyway? [y/N] "), ending="")
            if sys.stdin.readline().strip().casefold() not in {"y", "yes", "예", "네"}:
                return {"order": order, "ok": False, **error_json(ConfirmationRequired(warnings))}
            request = replace(request, confirmed=request.confirmed | {warning.code for warning in warnings})
        return refund_one(order, request, typed, key=key)

    def _write_result(self, result: Json) -> None:
        line = f"{result['order']}: {result['message']}"
        self.stdout.write(line) if result["ok"] else self.stderr.write(line)
        if result["code"] == ConfirmationRequired.code:
            codes = " ".join(f"--confirm {warning['code']}" for warning in result["warnings"])
            self.stderr.write("  " + gettext("Nothing was sent. To refund anyway, add: %(codes)s") % {"codes": codes})
            return
        if result["code"] == AwaitingApproval.code:
            self.stderr.write("  " + decision_text(result))
        if by := (result.get("refund") or {}).get("expected_by"):
            self.stdout.write("  " + gettext("The money usually arrives by %(day)s.") % {"day": by})
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
        texts = (name for name in _TEXTS if not name.startswith("reason") and options[name])
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


def _read_request(options: dict[str, Any], typed: TypedAmounts) -> RefundRequest:
    amounts: dict[str, Decimal] = {name: parse_typed_amount(text, field=name) for name, text in typed.items()}
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
