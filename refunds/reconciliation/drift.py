"""Compare our ledger with i'mport's for a period, and repair what differs."""

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Literal

from django.db import transaction
from django.db.models import F, Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _

from core.exports.cells import safe_text
from core.money import format_money
from payments.gateway import Gateway, GatewayError, GatewayPayment, get_gateway
from payments.intake.mirror import CannotBeBooked, mirror_payment, one_of_many
from payments.models import Payment
from refunds.ledger import booked_keys, cancellation_keys, parts_shown
from refunds.messages import NOT_SHOWN, UNBOOKABLE
from refunds.models import Discrepancy, DiscrepancyKind, ReconciliationReport, RefundRecord, RefundStatus
from refunds.reconciliation.reconcile import Reconciled, ReconcileOutcome, reconcile

logger = logging.getLogger(__name__)

_CHUNK = 100
CSV_COLUMNS = ("order", "imp_uid", "difference", "here", "at_iamport", "repaired")


def compare_period(
    *, since: datetime, until: datetime, check_only: bool = False, gateway: Gateway | None = None
) -> ReconciliationReport:
    """Compare every payment whose final status was set in [since, until], and every one of ours paid in it.

    Repairs what differs unless `check_only`: then nothing but the report is written. The report is kept, also
    when i'mport cannot be read to the end (`error` says so and `finished_at` stays empty). Safe to repeat and to
    run beside live refunds: a refund that is still open counts as a difference, not as an error.
    """
    gateway = gateway or get_gateway()
    report = ReconciliationReport.objects.create(
        since=since, until=until, check_only=check_only, started_at=timezone.now()
    )
    seen: set[str] = set()
    try:
        for page in gateway.payments_between(since, until):
            fresh = [shown for shown in page.payments if shown.imp_uid not in seen]
            seen.update(shown.imp_uid for shown in fresh)
            _compare(report, fresh)
        for chunk in _ours_not_listed(since, until, seen):
            _compare_ours(report, chunk, gateway)
    except GatewayError as exc:
        report.error = exc.message
    else:
        report.finished_at = timezone.now()
    report.save()
    logger.info("drift report %s: %s compared, %s differ", report.pk, report.compared, report.found)
    return report


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of one payment of a report. `payment`: None if it is not here. `agrees`: nothing differs any more."""

    merchant_uid: str
    outcome: ReconcileOutcome | Literal["added"]
    message: str
    payment: Payment | None = None
    agrees: bool = False


def repair_differences(
    *, report: ReconciliationReport, found: Iterable[Discrepancy], gateway: Gateway | None = None
) -> Iterator[Repaired]:
    """Read the payments of these differences again, book what is missing here, and yield what became of each.

    All differences of a payment end together: those that are gone are noted as repaired in the report, which has to
    be over. Only ever reads i'mport; safe to repeat and to run twice at once.
    """
    gateway = gateway or get_gateway()
    orders = {difference.imp_uid: difference.merchant_uid for difference in found if not difference.repaired}
    here = Payment.objects.filter(imp_uid__in=orders)
    known = set(here.values_list("imp_uid", flat=True))
    missing = {imp_uid: order for imp_uid, order in orders.items() if imp_uid not in known}
    left_out = _add(missing, gateway) if missing else []
    for result in reconcile(payments=here.all(), gateway=gateway):
        yield _noted(report, result, is_new=result.payment.imp_uid in missing)
    yield from left_out


def write_csv(report: ReconciliationReport, file: IO[str]) -> None:
    """The report's differences as CSV. Texts that a spreadsheet would take for a formula are quoted."""
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    for found in report.differences.all():
        texts = (found.merchant_uid, found.imp_uid, found.kind, found.here, found.there)
        writer.writerow([*map(safe_text, texts), "yes" if found.repaired else "no"])


def _ours_not_listed(since: datetime, until: datetime, seen: set[str]) -> Iterator[list[Payment]]:
    """Our payments of the period that i'mport's listing did not show, by the hundred."""
    chunk: list[Payment] = []
    for payment in Payment.objects.filter(paid_at__gte=since, paid_at__lte=until).iterator():
        if payment.imp_uid not in seen:
            chunk.append(payment)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _compare_ours(report: ReconciliationReport, payments: Sequence[Payment], gateway: Gateway) -> None:
    """Compare payments that were not in the listing, which goes by the time of the last status."""
    shown = gateway.payments([payment.imp_uid for payment in payments])
    _compare(report, shown)
    known = {payment.imp_uid for payment in shown}
    for payment in payments:
        if payment.imp_uid not in known:
            report.compared += 1
            found = _difference(payment, DiscrepancyKind.MISSING_THERE, format_money(payment.amount, payment.currency))
            _keep(report, [found])


def _compare(report: ReconciliationReport, shown: Sequence[GatewayPayment]) -> None:
    """Compare one page, repair what differs, and look again at what was repaired."""
    before = _ledger_of(shown)
    report.compared += len(shown)
    for theirs in shown:
        found = differences(before.get(theirs.imp_uid), theirs)
        if not found:
            continue
        if not report.check_only and _mirrored(theirs):
            left = {again.kind for again in differences(_ledger_of([theirs]).get(theirs.imp_uid), theirs)}
            for difference in found:
                difference.repaired = difference.kind not in left
        _keep(report, found)


def _mirrored(theirs: GatewayPayment) -> bool:
    """Mirror one payment; one that cannot be booked stays a difference, and must not end the comparison."""
    try:
        with one_of_many(theirs.imp_uid):
            mirror_payment(theirs)
    except CannotBeBooked:
        return False
    return True


def _add(missing: dict[str, str], gateway: Gateway) -> list[Repaired]:
    """Mirror payments that are not here (order by i'mport number); returns those that still are not."""
    try:
        shown = {theirs.imp_uid: theirs for theirs in gateway.payments(list(missing))}
    except GatewayError as exc:
        return [Repaired(order, "unreachable", exc.message) for order in missing.values()]
    left = []
    for imp_uid, order in missing.items():
        if imp_uid not in shown:
            left.append(Repaired(order, "unreachable", str(NOT_SHOWN)))
        elif not _mirrored(shown[imp_uid]):
            left.append(Repaired(order, "unbookable", str(UNBOOKABLE)))
    return left


def _noted(report: ReconciliationReport, result: Reconciled, *, is_new: bool) -> Repaired:
    """Note which of a payment's differences are gone."""
    outcome, message, payment = result.outcome, result.message, result.payment
    if result.shown is None:
        return Repaired(payment.merchant_uid, outcome, message, payment)
    left = {again.kind for again in differences(_ledger_of([result.shown]).get(payment.imp_uid), result.shown)}
    with transaction.atomic():
        # Guarded: of two runs at once, one counts each.
        still = report.differences.filter(imp_uid=payment.imp_uid, repaired=False)
        gone = still.exclude(kind__in=left).update(repaired=True)
        ReconciliationReport.objects.filter(pk=report.pk).update(repaired=F("repaired") + gone)
    if is_new and outcome in ("agrees", "imported"):
        return Repaired(payment.merchant_uid, "added", _("The payment was added here."), payment, not left)
    return Repaired(payment.merchant_uid, outcome, message, payment, not left)


def _ledger_of(shown: Iterable[GatewayPayment]) -> dict[str, Payment]:
    """Our side of these payments, with the refunds that count."""
    refunds = RefundRecord.objects.counting()
    ours = Payment.objects.filter(imp_uid__in=[theirs.imp_uid for theirs in shown])
    return {payment.imp_uid: payment for payment in ours.prefetch_related(Prefetch("refunds", refunds))}


def differences(ours: Payment | None, theirs: GatewayPayment) -> list[Discrepancy]:
    """How our payment (with its refunds prefetched) differs from what i'mport shows; unsaved."""
    if ours is None:
        amount = format_money(theirs.amount, theirs.currency)
        missing = Discrepancy(imp_uid=theirs.imp_uid, merchant_uid=theirs.merchant_uid[:40], theirs=amount)
        missing.kind = DiscrepancyKind.MISSING_HERE
        return [missing]
    refunds = list(ours.refunds.all())
    done = [refund for refund in refunds if refund.status == RefundStatus.SUCCEEDED]
    found = [_difference(ours, DiscrepancyKind.OPEN_REFUND, refund.number) for refund in refunds if refund.is_live]
    pairs = (
        (DiscrepancyKind.AMOUNT, ours.amount, theirs.amount),
        (DiscrepancyKind.REFUNDED, ours.cancel_amount, theirs.cancel_amount),
    )
    for kind, here, there in pairs:
        if here != there:
            texts = (format_money(here, ours.currency), format_money(there, theirs.currency))
            found.append(_difference(ours, kind, *texts))
    known = booked_keys(done, parts_shown(done))
    unbooked = [key for key, _item in cancellation_keys(theirs.cancel_history) if key not in known]
    # A cancel known only from i'mport's total has no item of its own, and is not counted twice.
    without_item = sum(not refund.cancellation_id for refund in done)
    if len(unbooked) > without_item:
        found.append(_difference(ours, DiscrepancyKind.RECORDS, str(len(done)), str(len(theirs.cancel_history))))
    if ours.status != theirs.status:
        found.append(_difference(ours, DiscrepancyKind.STATUS, ours.status, theirs.status))
    return found


def _difference(ours: Payment, kind: DiscrepancyKind, here: str, there: str = "") -> Discrepancy:
    return Discrepancy(
        imp_uid=ours.imp_uid, merchant_uid=ours.merchant_uid, kind=kind, ours=here[:100], theirs=there[:100]
    )


def _keep(report: ReconciliationReport, found: Sequence[Discrepancy]) -> None:
    for difference in found:
        difference.report = report
    Discrepancy.objects.bulk_create(found)
    report.found += len(found)
    report.repaired += sum(difference.repaired for difference in found)
