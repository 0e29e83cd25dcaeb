"""Dates and times as operators type them: in Korean time unless they say otherwise."""

from argparse import ArgumentTypeError
from datetime import date, datetime, time, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _


def date_argument(text: str) -> datetime | date:
    """A date (2026-11-01) or a time (2026-11-01T09:30), as an argparse `type`."""
    try:
        parsed = parse_date(text) or parse_datetime(text)
    except ValueError:
        parsed = None
    if parsed is None:
        raise ArgumentTypeError(_("“%(text)s” is not a date. Write it like 2026-11-01.") % {"text": text})
    return parsed


def moment(given: datetime | date, *, end_of_day: bool = False) -> datetime:
    """The moment meant: a date's first, or with `end_of_day` its last."""
    if not isinstance(given, datetime):
        given = datetime.combine(given + timedelta(days=end_of_day), time.min)
    return timezone.make_aware(given) if timezone.is_naive(given) else given
