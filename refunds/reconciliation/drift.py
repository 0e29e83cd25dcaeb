"""Compare our ledger with i'mport's for a period, and repair what differs if that is wanted.

A report is committed first, then compared by one process, which claims it. Repeating a comparison is safe, so one
whose process is gone is not continued: its report has stopped early.
"""

import csv
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import IO

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from core.claims import Claim, ClaimLost
from core.database.chunks import in_chunks
from core.exports.cells import safe_text
from core.money import format_money
from payments.gateway import Gateway, GatewayError, GatewayPayment, get_gateway
from payments.intake.mirror import CannotBeBooked, mirror_payment, one_of_many
from payments.models import Payment
from refunds.models import Discrepancy, DiscrepancyKind, ReconciliationReport
from refunds.reconciliation.discrepancies import discrepancy, find_discrepancies, ledger_of

logger = logging.getLogger(__name__)

_CHUNK = 100
_READ_AT_ONCE = 500
_MAX_TOTAL = 2**31 - 1  # of the column
CSV_COLUMNS = ("order", "imp_uid", "difference", "here", "at_iamport", "repaired")


def request_comparison(*, since: datetime, until: datetime, check_only: bool = False) -> ReconciliationReport:
    """Commit the report of a comparison that has not begun. `run_comparison` does it."""
    return ReconciliationReport.objects.create(
        since=since, until=until, check_only=check_only, started_at=timezone.now()
    )


def waiting_comparisons() -> QuerySet[ReconciliationReport]:
    """Return the reports whose comparison has not begun."""
    return ReconciliationReport.objects.filter(claimed_at=None, finished_at=None, error="")


def run_comparison(
    *,
    report_id: int,
    gateway: Gateway | None = None,
    on_progress: Callable[[ReconciliationReport], object] = lambda _report: None,
) -> None:
    """Compare every payment whose final status was set in the period, and every one of ours paid in it.

    Repairs what differs unless the report is `check_only`: then nothing but the report is written. The report is
    written after every page, also when i'mport cannot be read to the end (`error` says so and `finished_at` stays
    empty). Does nothing if the comparison has begun already. Safe to run beside live refunds: a refund that is
    still open counts as a discrepancy, not as an error.
    """
    claim = Claim(ReconciliationReport.objects.filter(pk=report_id, finished_at=None, error=""))
    if not claim.take(waiting_comparisons().filter(pk=report_id)):
        return
    report = ReconciliationReport.objects.get(pk=report_id)
    try:
        for compared, found, total in _pages(report, gateway or get_gateway()):
            _write_page(claim, report, compared=compared, found=found, total=total)
            report.refresh_from_db()
            on_progress(report)
    except GatewayError as exc:
        claim.renew(error=exc.message)
    else:
        claim.renew(finished_at=timezone.now())
    report.refresh_from_db()
    logger.info("reconciliation report %s: %s compared, %s differ", report.pk, report.compared, report.found)


def compare_period(
    *,
    since: datetime,
    until: datetime,
    check_only: bool = False,
    gateway: Gateway | None = None,
    on_progress: Callable[[ReconciliationReport], object] = lambda _report: None,
) -> ReconciliationReport:
    """Compare a period at once and return its report; see `run_comparison`."""
    report = request_comparison(since=since, until=until, check_only=check_only)
    run_comparison(report_id=report.pk, gateway=gateway, on_progress=on_progress)
    report.refresh_from_db()
    return report


def write_csv(report: ReconciliationReport, file: IO[str]) -> None:
    """Write the report's discrepancies as CSV. Texts that a spreadsheet would take for a formula are quoted."""
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    for found in report.discrepancies.all():
        texts = (found.merchant_uid, found.imp_uid, found.kind, found.here, found.there)
        writer.writerow([*map(safe_text, texts), "yes" if found.repaired else "no"])


def mirror_or_log(theirs: GatewayPayment) -> bool:
    """Mirror one payment. False if it cannot be booked: that must not end the work on the others."""
    try:
        with one_of_many(theirs.imp_uid):
            mirror_payment(theirs)
    except CannotBeBooked:
        return False
    return True


def _pages(report: ReconciliationReport, gateway: Gateway) -> Iterator[tuple[int, list[Discrepancy], int]]:
    """Yield, page by page: payments compared, discrepancies found, and how many payments i'mport lists so far."""
    seen: set[str] = set()
    totals: dict[datetime, int] = {}
    for page in gateway.payments_between(report.since, report.until):
        fresh = [shown for shown in page.payments if shown.imp_uid not in seen]
        seen.update(shown.imp_uid for shown in fresh)
        totals[page.window_start] = page.total
        yield len(fresh), _compare(report, fresh), sum(totals.values())
    for chunk in _ours_not_listed(report.since, report.until, seen):
        yield len(chunk), _compare_ours(report, chunk, gateway), sum(totals.values())


@transaction.atomic
def _write_page(
    claim: Claim, report: ReconciliationReport, *, compared: int, found: Sequence[Discrepancy], total: int
) -> None:
    """Write one page's discrepancies and counts together."""
    for one in found:
        one.report = report
    Discrepancy.objects.bulk_create(found)
    repaired = sum(one.repaired for one in found)
    is_held = claim.renew(
        compared=F("compared") + compared,
        found=F("found") + len(found),
        repaired=F("repaired") + repaired,
        total=min(max(total, 0), _MAX_TOTAL),
    )
    if not is_held:
        raise ClaimLost


def _ours_not_listed(since: datetime, until: datetime, seen: set[str]) -> Iterator[list[Payment]]:
    """Yield our payments of the period that i'mport's listing did not show, by the hundred."""
    chunk: list[Payment] = []
    for payment in in_chunks(Payment.objects.paid_between(since, until + datetime.resolution), _READ_AT_ONCE):
        if payment.imp_uid not in seen:
            chunk.append(payment)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _compare_ours(report: ReconciliationReport, payments: Sequence[Payment], gateway: Gateway) -> list[Discrepancy]:
    """Compare payments that were not in the listing, which goes by the time of the last status."""
    shown = gateway.payments([payment.imp_uid for payment in payments])
    known = {payment.imp_uid for payment in shown}
    unknown = [payment for payment in payments if payment.imp_uid not in known]
    return _compare(report, shown) + [
        discrepancy(payment, DiscrepancyKind.MISSING_THERE, format_money(payment.amount, payment.currency))
        for payment in unknown
    ]


def _compare(report: ReconciliationReport, shown: Sequence[GatewayPayment]) -> list[Discrepancy]:
    """Compare one page, repair what differs, and look again at what was repaired."""
    before = ledger_of(shown)
    everything: list[Discrepancy] = []
    for theirs in shown:
        found = find_discrepancies(before.get(theirs.imp_uid), theirs)
        if found and not report.check_only and mirror_or_log(theirs):
            left = {again.kind for again in find_discrepancies(ledger_of([theirs]).get(theirs.imp_uid), theirs)}
            for one in found:
                one.repaired = one.kind not in left
        everything += found
    return everything
