"""Dates and times in Asia/Seoul: as operators type them, and as the rules count them."""

import re
import unicodedata
from argparse import ArgumentTypeError
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

SEOUL = ZoneInfo("Asia/Seoul")
_SHOWN = 60  # characters of what is no date


class Period(NamedTuple):
    """A length of time in calendar months or days."""

    months: int = 0
    days: int = 0


# 2026-11-01, 2026.11.01, 2026. 11. 1., 2026/11/1, 20261101. With the year last, day and month could be either.
_DAY = re.compile(r"(\d{4})\s*(?P<mark>[-./])\s*(\d\d?)\s*(?P=mark)\s*(\d\d?)\.?|(\d{4})(\d\d)(\d\d)", re.ASCII)


def read_day(text: str) -> date:
    """Read a date as people in Korea write it, also 2026년 11월 1일. Raises `ValueError` with a message."""
    plain = unicodedata.normalize("NFKC", text).strip().replace("년", "-").replace("월", "-").removesuffix("일")
    written = _DAY.fullmatch(plain)
    try:
        year, month, day = (int(part) for part in (written.groups() if written else ()) if part and part.isdecimal())
        return date(year, month, day)
    except ValueError as exc:
        raise ValueError(_no_date(text)) from exc


def date_argument(text: str) -> datetime | date:
    """Read a date, or a time (2026-11-01T09:30, with or without its offset), as an argparse `type`."""
    try:
        try:
            given: datetime | date | None = read_day(text)
        except ValueError:
            given = parse_datetime(text)
        if given is not None:
            parse_moment(given, end_of_day=True).astimezone(UTC)
            return given
    except (ValueError, OverflowError) as exc:
        raise ArgumentTypeError(_no_date(text)) from exc
    raise ArgumentTypeError(_no_date(text))


def _no_date(text: str) -> str:
    return _("“%(text)s” is not a date. Write it like 2026-11-01.") % {"text": text[:_SHOWN]}


class DayField(forms.DateField):
    """A date in a form, as `read_day` reads it."""

    def to_python(self, value: Any) -> date | None:
        if not isinstance(value, str) or not value.strip():
            return super().to_python(value)
        try:
            return read_day(value)
        except ValueError as exc:
            raise ValidationError(str(exc), code="invalid") from exc


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
