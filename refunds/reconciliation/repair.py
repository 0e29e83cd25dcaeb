"""Repair the discrepancies of a reconciliation report: read the payments again and book what is missing here.

Reads i'mport only. Safe to repeat and to run twice at once.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.sentences import joined
from core.sentences import sentence as _
from payments.gateway import Gateway, GatewayError, GatewayPayment, get_gateway
from payments.models import Payment
from refunds.errors import RefundAbandoned
from refunds.messages import NOT_SHOWN, UNBOOKABLE, not_carried_out
from refunds.models import Discrepancy, ReconciliationReport, Refunded, RefundRecord, RefundStatus
from refunds.reconciliation.discrepancies import find_discrepancies, ledger_of
from refunds.reconciliation.drift import mirror_or_log
from refunds.reconciliation.reconcile import Reconciled, reconcile

ADDED = "added"  # an outcome besides those of `reconcile`


def request_repair(found: "QuerySet[Discrepancy]") -> None:
    """Commit that these discrepancies are to be repaired. `repair_requested` does it."""
    found.filter(repaired=False).update(repair_requested_at=timezone.now(), repair_outcome="", repair_message="")


def reports_to_repair(before: datetime | None = None) -> QuerySet[ReconciliationReport]:
    """Return the reports with a repair that was requested (before this time) and is not done."""
    requested = Discrepancy.objects.filter(repair_requested_at__lt=before or timezone.now())
    return ReconciliationReport.objects.filter(discrepancies__in=requested).distinct()


def repair_requested(*, report: ReconciliationReport, gateway: Gateway | None = None) -> None:
    """Repair the discrepancies of this report whose repair was requested."""
    repair(report=report, found=report.discrepancies.exclude(repair_requested_at=None), gateway=gateway)


def repair(*, report: ReconciliationReport, found: Iterable[Discrepancy], gateway: Gateway | None = None) -> list[str]:
    """Repair the payments of these discrepancies, and write what became of each. Returns i'mport's numbers for them.

    All discrepancies of a payment end together. The report has to be over.
    """
    gateway = gateway or get_gateway()
    numbers = list(dict.fromkeys(one.imp_uid for one in found if not one.repaired))
    known = set(Payment.objects.filter(imp_uid__in=numbers).values_list("imp_uid", flat=True))
    missing = [imp_uid for imp_uid in numbers if imp_uid not in known]
    if missing:
        _add(report, missing, gateway)
    for result in reconcile(payments=Payment.objects.filter(imp_uid__in=numbers), gateway=gateway):
        _write_result(report, result, is_new=result.payment.imp_uid in missing)
    return numbers


def _add(report: ReconciliationReport, missing: list[str], gateway: Gateway) -> None:
    """Mirror payments that are not here; write the outcome of those that still are not."""
    try:
        shown = {theirs.imp_uid: theirs for theirs in gateway.payments(missing)}
    except GatewayError as exc:
        for imp_uid in missing:
            _write(report, imp_uid, "unreachable", exc.message)
        return
    for imp_uid in missing:
        if imp_uid not in shown:
            _write(report, imp_uid, "unreachable", str(NOT_SHOWN))
        elif not mirror_or_log(shown[imp_uid]):
            _write(report, imp_uid, "unbookable", str(UNBOOKABLE))


def _write_result(report: ReconciliationReport, result: Reconciled, *, is_new: bool) -> None:
    """Write which of a payment's discrepancies are gone, and the outcome."""
    imp_uid = result.payment.imp_uid
    if result.shown is not None:
        _write_what_is_gone(report, result.shown)
    if is_new and result.outcome in ("agrees", "imported"):
        _write(report, imp_uid, ADDED, _("The payment was added here."))
        return
    ended = [not_carried_out(refund) for refund in _not_carried_out_since(report, result.payment)]
    if ended and result.outcome in ("agrees", "not_carried_out"):
        _write(report, imp_uid, "not_carried_out", joined(*ended))
    else:
        _write(report, imp_uid, result.outcome, joined(result.message, *ended))


@transaction.atomic
def _write_what_is_gone(report: ReconciliationReport, shown: GatewayPayment) -> None:
    """Write which discrepancies of a payment are gone, and bring the report's counts and sums up to date."""
    report = ReconciliationReport.objects.select_for_update().get(pk=report.pk)  # of two runs at once, one counts
    found = report.discrepancies.filter(imp_uid=shown.imp_uid)
    first = found.first()
    ours = ledger_of([shown]).get(shown.imp_uid)
    if first is None or ours is None:
        return
    left = {again.kind for again in find_discrepancies(ours, shown)}
    differed = found.filter(is_waiting=False, repaired=False).exists()
    found.filter(repaired=False).exclude(kind__in=left).update(repaired=True)
    found.update(refunded_here=ours.cancel_amount, refunded_there=shown.cancel_amount)
    if differed and not found.filter(is_waiting=False, repaired=False).exists():
        report.repaired += 1
    if not shown.sandbox:
        now = Refunded(first.currency, ours.cancel_amount, shown.cancel_amount)
        report.sums = report.sums_with({first.currency: now - first.refunded})
    report.save(update_fields=["repaired", "sums"])


def _not_carried_out_since(report: ReconciliationReport, payment: Payment) -> QuerySet[RefundRecord]:
    """Return the payment's refunds that turned out not to be executed after the report began.

    This repair may have ended them, or another comparison before it.
    """
    ended = payment.refunds.filter(status=RefundStatus.FAILED, error_code=RefundAbandoned.code)
    return ended.filter(settled_at__gte=report.started_at).select_related("payment").order_by("settled_at")


def _write(report: ReconciliationReport, imp_uid: str, outcome: str, message: str) -> None:
    report.discrepancies.filter(imp_uid=imp_uid).update(
        repair_requested_at=None, repair_outcome=outcome, repair_message=message
    )
