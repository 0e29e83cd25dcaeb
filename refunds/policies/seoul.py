"""Korean business dates: every limit in months, days or hours counts in Asia/Seoul."""

from calendar import monthrange
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")


class Period(NamedTuple):
    """A length of time in calendar months or days."""

    months: int = 0
    days: int = 0


def seoul_date(moment: datetime) -> date:
    """The Korean date of an aware moment."""
    return moment.astimezone(SEOUL).date()


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last of a shorter month (31 August + 6: end of February)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def in_later_month(moment: datetime, than: datetime) -> bool:
    """Whether `moment` is in a later calendar month than `than`."""
    now, then = seoul_date(moment), seoul_date(than)
    return (now.year, now.month) > (then.year, then.month)


def is_past(moment: datetime, start: datetime, period: Period) -> bool:
    """Whether `moment` is after the last day of the `period` since the day of `start`."""
    first = add_months(seoul_date(start), period.months)
    return (seoul_date(moment) - first).days > period.days


def is_night(moment: datetime, *, from_hour: int, to_hour: int) -> bool:
    """Whether `moment` is at or after `from_hour` or before `to_hour`."""
    hour = moment.astimezone(SEOUL).hour
    return hour >= from_hour or hour < to_hour
