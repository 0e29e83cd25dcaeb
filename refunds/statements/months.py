"""Calendar months in Asia/Seoul: which are closed, which is the next to close."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from django.utils import timezone

from core.dates import add_months, parse_moment, seoul_date
from payments.models import PAYMENT_TIME, Payment
from refunds.models import RefundRecord, StatementEntry, StatementMonth

Day = tuple[datetime, datetime]  # its start and its end
_FIRST_YEAR = 2000
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
# How long before a closing something may have been booked that it did not see: its transaction was still open.
OVERLAP = timedelta(days=1)


def begun_month(text: str) -> date:
    """Return the first day of a month written as 2026-11, up to this month. Raises `ValueError`."""
    written = _MONTH.fullmatch(text)
    if written is None:
        raise ValueError(f"{text[:20]!r} is not a month")
    first = date(int(written[1]), int(written[2]), 1)
    if not first.year >= _FIRST_YEAR or first > this_month():
        raise ValueError(f"{text[:20]!r} is too early, or has not begun")
    return first


def first_day(day: date) -> date:
    return day.replace(day=1)


def this_month() -> date:
    return first_day(timezone.localdate())


def last_closed() -> StatementMonth | None:
    return StatementMonth.objects.order_by("-month").first()


def first_open_month(closed: StatementMonth | None = None) -> date | None:
    """Return the month after the last closed one (`closed`, if the caller knows it).

    While none is closed it is the month of the first payment or refund; None if there is neither.
    """
    closed = closed or last_closed()
    return closed.next_month if closed is not None else _first_booked_month()


def _first_booked_month() -> date | None:
    paid = Payment.objects.real().ever_paid().annotate(time=PAYMENT_TIME).order_by("time")
    refunded = RefundRecord.objects.real().succeeded()
    times = [
        paid.values_list("time", flat=True).first(),
        refunded.filter(cancelled_at__isnull=False)
        .order_by("cancelled_at")
        .values_list("cancelled_at", flat=True)
        .first(),
        refunded.filter(cancelled_at=None).order_by("settled_at").values_list("settled_at", flat=True).first(),
    ]
    first = min((time for time in times if time is not None), default=None)
    return None if first is None else first_day(seoul_date(first))


def all_months(first: date) -> Iterator[date]:
    """Yield this month and every earlier one down to `first`."""
    month = this_month()
    while month >= first:
        yield month
        month = add_months(month, -1)


def state_of(month: date, closed: StatementMonth | None, first_open: date | None) -> str:
    """Return `closed`, `running` (not over), `next` (to be closed) or `open` (an earlier month comes first)."""
    if closed is not None:
        return "closed"
    if month >= this_month():
        return "running"
    return "next" if month == first_open else "open"


@dataclass(frozen=True, slots=True)
class Period:
    """The time of a month, and which earlier movements belong to it as well.

    `late_since`: take what has an earlier date, is in no closed month and was booked after this. None: nothing
    earlier. `any_entries`: movements may be in closed months already.
    """

    month: date
    late_since: datetime | None = None
    any_entries: bool = False

    @property
    def start(self) -> datetime:
        return parse_moment(self.month)

    @property
    def end(self) -> datetime:
        """Return the start of the next month."""
        return parse_moment(add_months(self.month, 1))

    @property
    def days(self) -> list[Day]:
        """Return the start and the end of each of its days."""
        starts = [parse_moment(self.month + timedelta(days=number)) for number in range(31)]
        inside = [start for start in starts if start < self.end]
        return list(pairwise([*inside, self.end]))

    @property
    def is_over(self) -> bool:
        return self.end <= timezone.now()


def period_of(month: date) -> Period:
    """Return what an open month consists of. Only the first open one takes what was booked late."""
    closed = last_closed()
    if closed is None:
        return Period(month)
    late_since = closed.closed_at - OVERLAP if month == closed.next_month else None
    # While there are none, PostgreSQL would read the empty table anew for each movement that a closing writes to it.
    return Period(month, late_since, any_entries=StatementEntry.objects.exists())
