"""`manage.py reconcile`: settle open refunds and import cancels made elsewhere."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from payments.errors import DomainError
from payments.gateway import GatewayError
from payments.models import Payment
from payments.services import find_by_number
from refunds.command import SOME_FAILED, RefundCommand
from refunds.reconciliation import Reconciled, import_cancels, reconcile
from refunds.representation import Json, error_json, payment_json, refund_json
from refunds.requests import parse_uid


class Command(RefundCommand):
    help = (
        "Read i'mport and settle every refund whose outcome is open (or the named orders only), and import "
        "cancels made in i'mport's console. Exit code: 0 all agree, 1 something is still open, 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("order", nargs="*", metavar="MERCHANT_UID", help="order number, or an imp_uid")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        self.ensure_configured(as_json=options["json"])
        results = self._named(options["order"]) if options["order"] else _everything()
        if not options["json"]:
            for result in results:
                line = f"{result['order']}: {result['message']}"
                self.stdout.write(line) if result["ok"] else self.stderr.write(line)
            if not results:
                self.stdout.write(_("Nothing is open; the ledger agrees with i'mport."))
        ok = all(result["ok"] for result in results)
        if options["json"]:
            self.write_json({"ok": ok, "results": results})
        if not ok:
            raise SystemExit(SOME_FAILED)

    def _named(self, orders: list[str]) -> list[Json]:
        results: list[Json] = []
        for order in dict.fromkeys(orders):
            try:
                number = parse_uid(order, field="merchant_uid")
                payment = find_by_number(payments=Payment.objects.all(), number=number)
            except DomainError as exc:
                results.append({"order": order, "ok": False, **error_json(exc)})
            else:
                found = reconcile(payments=Payment.objects.filter(pk=payment.pk))
                results += [_result_json(order, result) for result in found]
        return results


def _everything() -> list[Json]:
    results = [_result_json(result.payment.merchant_uid, result) for result in reconcile()]
    try:
        results += [_result_json(result.payment.merchant_uid, result) for result in import_cancels()]
    except GatewayError as exc:
        results.append({"order": "*", "ok": False, "code": "gateway_unavailable", "message": exc.message})
    return results


def _result_json(order: str, result: Reconciled) -> Json:
    return {
        "order": order,
        "ok": result.outcome not in ("waiting", "unreachable"),
        "code": result.outcome,
        "message": result.message,
        "payment": payment_json(result.payment),
        "imported": [refund_json(refund) for refund in result.imported],
        "unresolved": refund_json(result.unresolved) if result.unresolved else None,
    }
