"""Dates and times in Asia/Seoul: as operators type them, and as the rules count them."""

from argparse import ArgumentTypeError
from calendar import monthrange
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

SEOUL = ZoneInfo("Asia/Seoul")


class Period(NamedTuple):
    """A length of time in calendar months or days."""

    months: int = 0
    days: int = 0


def date_argument(text: str) -> datetime | date:
    """Parse a date (2026-11-01) or a time (2026-11-01T09:30), as an argparse `type`."""
    try:
        parsed = parse_date(text) or parse_datetime(text)
    except ValueError:
        parsed = None
    if parsed is None:
        raise ArgumentTypeError(_("“%(text)s” is not a date. Write it like 2026-11-01.") % {"text": text})
    return parsed


def parse_moment(given: datetime | date, *, end_of_day: bool = False) -> datetime:
    """Return an aware time: of a date its start, or with `end_of_day` the start of the next day."""
    if not isinstance(given, datetime):
        given = datetime.combine(given + timedelta(days=end_of_day), time.min)
    return timezone.make_aware(given) if timezone.is_naive(given) else given


def seoul_date(at: datetime) -> date:
    """Return the date in Asia/Seoul of an aware time."""
    return at.astimezone(SEOUL).date()


def add_months(day: date, months: int) -> date:
    """Return the same day `months` later, or the last day of a shorter month (31 August + 6: end of February)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def in_later_month(at: datetime, than: datetime) -> bool:
    """Tell whether `at` is in a later calendar month than `than`."""
    now, then = seoul_date(at), seoul_date(than)
    return (now.year, now.month) > (then.year, then.month)


def is_past(at: datetime, start: datetime, period: Period) -> bool:
    """Tell whether `at` is after the last day of the `period` that began on the day of `start`."""
    first = add_months(seoul_date(start), period.months)
    return (seoul_date(at) - first).days > period.days


def is_night(at: datetime, *, from_hour: int, to_hour: int) -> bool:
    """Tell whether the hour of `at` is at or after `from_hour` or before `to_hour`."""
    hour = at.astimezone(SEOUL).hour
    return hour >= from_hour or hour < to_hour
