"""Compare our ledger with i'mport's for a period, and repair what differs if that is wanted.

A report is committed first, then compared by one process, which claims it. Repeating a comparison is safe, so one
whose process is gone is not continued: its report has stopped early.
"""

import csv
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import IO

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from core.claims import Claim, ClaimLost
from core.database.chunks import in_chunks
from core.exports.cells import safe_text
from core.money import quantize
from payments.gateway import Gateway, GatewayError, GatewayPayment, get_gateway
from payments.intake.mirror import CannotBeBooked, mirror_payment, one_of_many
from payments.models import Payment
from refunds.models import Discrepancy, ReconciliationReport, Refunded
from refunds.reconciliation.discrepancies import find_discrepancies, ledger_of, missing_there

logger = logging.getLogger(__name__)

_CHUNK = 100
_READ_AT_ONCE = 500
_MAX_TOTAL = 2**31 - 1  # of the column
CSV_COLUMNS = (
    "order",
    "imp_uid",
    "difference",
    "here",
    "at_iamport",
    "repaired",
    "waiting",
    "currency",
    "refunded_here",
    "refunded_at_iamport",
)


@dataclass(slots=True)
class _Page:
    """Hold the result of one comparison: how many payments, how they differ, and what is refunded of them by currency.

    `total` is how many payments i'mport lists so far. Of a test payment nothing is added up.
    """

    compared: int = 0
    found: list[Discrepancy] = field(default_factory=list)
    sums: dict[str, Refunded] = field(default_factory=dict)
    total: int = 0

    def add(self, refunded: Refunded, found: Iterable[Discrepancy], *, is_test: bool) -> None:
        self.compared += 1
        self.found += found
        if not is_test:
            self.sums[refunded.currency] = self.sums.get(refunded.currency, Refunded(refunded.currency)) + refunded


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
    empty). Does nothing if the comparison has begun already. Safe to run beside live refunds: one that waits for the
    PG is no difference, and one whose outcome is unknown is a difference, not an error.
    """
    claim = Claim(ReconciliationReport.objects.filter(pk=report_id, finished_at=None, error=""))
    if not claim.take(waiting_comparisons().filter(pk=report_id)):
        return
    report = ReconciliationReport.objects.get(pk=report_id)
    try:
        for page in _pages(report, gateway or get_gateway()):
            _write_page(claim, report, page)
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
        flags = ("yes" if flag else "no" for flag in (found.repaired, found.is_waiting))
        amounts = (f"{quantize(amount, found.currency):f}" for amount in (found.refunded_here, found.refunded_there))
        writer.writerow([*map(safe_text, texts), *flags, found.currency, *amounts])


def mirror_or_log(theirs: GatewayPayment) -> bool:
    """Mirror one payment. False if it cannot be booked: that must not end the work on the others."""
    try:
        with one_of_many(theirs.imp_uid):
            mirror_payment(theirs)
    except CannotBeBooked:
        return False
    return True


def _pages(report: ReconciliationReport, gateway: Gateway) -> Iterator[_Page]:
    """Yield what was compared, page by page."""
    seen: set[str] = set()
    totals: dict[datetime, int] = {}
    for page in gateway.payments_between(report.since, report.until):
        fresh = [shown for shown in page.payments if shown.imp_uid not in seen]
        seen.update(shown.imp_uid for shown in fresh)
        totals[page.window_start] = page.total
        yield _compare(report, fresh, _Page(total=sum(totals.values())))
    for chunk in _ours_not_listed(report.since, report.until, seen):
        yield _compare_ours(report, chunk, gateway, _Page(total=sum(totals.values())))


@transaction.atomic
def _write_page(claim: Claim, report: ReconciliationReport, page: _Page) -> None:
    """Write one page's discrepancies, counts and sums together."""
    for one in page.found:
        one.report = report
    Discrepancy.objects.bulk_create(page.found)
    differing = {one.imp_uid for one in page.found if not one.is_waiting}
    left = {one.imp_uid for one in page.found if not (one.is_waiting or one.repaired)}
    is_held = claim.renew(
        compared=F("compared") + page.compared,
        found=F("found") + len(differing),
        repaired=F("repaired") + len(differing - left),
        sums=report.sums_with(page.sums),
        total=min(max(page.total, 0), _MAX_TOTAL),
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


def _compare_ours(report: ReconciliationReport, payments: Sequence[Payment], gateway: Gateway, page: _Page) -> _Page:
    """Compare payments that were not in the listing, which goes by the time of the last status."""
    shown = gateway.payments([payment.imp_uid for payment in payments])
    known = {payment.imp_uid for payment in shown}
    for payment in payments:
        if payment.imp_uid not in known:
            found = missing_there(payment)
            page.add(found.refunded, [found], is_test=payment.sandbox)
    return _compare(report, shown, page)


def _compare(report: ReconciliationReport, shown: Sequence[GatewayPayment], page: _Page) -> _Page:
    """Compare these payments, repair what differs, and look again at what was repaired."""
    before = ledger_of(shown)
    for theirs in shown:
        ours = before.get(theirs.imp_uid)
        found = find_discrepancies(ours, theirs)
        differs = not all(one.is_waiting for one in found)
        if differs and not report.check_only and mirror_or_log(theirs):
            ours = ledger_of([theirs]).get(theirs.imp_uid)
            left = {again.kind for again in find_discrepancies(ours, theirs)}
            for one in found:
                one.repaired = one.kind not in left
                one.refunded_here = ours.cancel_amount if ours else Decimal(0)
        here = ours.cancel_amount if ours else Decimal(0)
        page.add(Refunded(theirs.currency, here, theirs.cancel_amount), found, is_test=theirs.sandbox)
    return page
