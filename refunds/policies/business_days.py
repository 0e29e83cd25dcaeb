"""Business days of Korean banks: Monday to Friday, without public holidays, their substitutes and 1 May.

The package `holidays` has the calendar. `exceptions` are the days on which the shop says otherwise: declared late, or
open after all (`BusinessDayException`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

from holidays import BANK, PUBLIC, country_holidays

Exceptions = Mapping[date, bool]

_DAY = timedelta(days=1)
_SATURDAY = 5


def is_business_day(day: date, exceptions: Exceptions) -> bool:
    """Return whether banks in Korea are open on this day; `exceptions` says True for open, False for closed."""
    known = exceptions.get(day)
    if known is not None:
        return known
    return day.weekday() < _SATURDAY and day not in _holidays(day.year)


def add_business_days(day: date, count: int, exceptions: Exceptions) -> date:
    """Return the `count`th business day after `day`; before it if `count` is negative. 0 is the day itself."""
    step = _DAY if count > 0 else -_DAY
    left = abs(count)
    while left:
        day += step
        left -= is_business_day(day, exceptions)
    return day


@cache
def _holidays(year: int) -> frozenset[date]:
    # One object per year: the package fills a shared one while other threads already read it.
    return frozenset(country_holidays("KR", years=year, categories=(PUBLIC, BANK)))
