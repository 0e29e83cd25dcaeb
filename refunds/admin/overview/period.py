"""The days that the overview's figures are of: chosen in its address, and kept for the session."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import TextChoices
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from core.dates import DayField, add_months, parse_moment

MOST_DAYS = 1_830  # five years: longer ones would have more months than the chart has room for
_FIRST_YEAR = 2000
_KEPT = "overview_period"


class Choice(TextChoices):
    """The periods to choose from."""

    TODAY = "today", gettext_lazy("Today")
    WEEK = "7", gettext_lazy("7 days")
    DAYS_30 = "30", gettext_lazy("30 days")
    DAYS_90 = "90", gettext_lazy("90 days")
    MONTH = "month", gettext_lazy("This month")
    LAST_MONTH = "last_month", gettext_lazy("Last month")
    OWN = "own", gettext_lazy("Own period")


@dataclass(frozen=True, slots=True)
class Period:
    """Days in Asia/Seoul, both included."""

    first: date
    last: date
    choice: str = Choice.OWN

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def start(self) -> datetime:
        return parse_moment(self.first)

    @property
    def end(self) -> datetime:
        """Return the moment after its last day."""
        return parse_moment(self.last, end_of_day=True)

    @property
    def in_words(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} – {self.last}"

    @property
    def query(self) -> dict[str, str]:
        """Return the parameters of the overview's address that choose this period."""
        days = {"from": str(self.first), "to": str(self.last)} if self.choice == Choice.OWN else {}
        return {"period": str(self.choice), **days}

    @property
    def address(self) -> str:
        return urlencode(self.query)

    @property
    def before(self) -> "Period":
        """Return the period to compare with: as many days before it; of months, the same days of the month before."""
        if self.choice in (Choice.MONTH, Choice.LAST_MONTH):
            first = add_months(self.first, -1)
            is_whole = self.choice == Choice.LAST_MONTH
            return Period(first, self.first - timedelta(days=1) if is_whole else add_months(self.last, -1))
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))


class PeriodForm(forms.Form):
    """An own period: two days."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in (("from", pgettext_lazy("date", "From")), ("to", pgettext_lazy("date", "To"))):
            widget = forms.DateInput({"type": "date", "class": "rd-input"}, format="%Y-%m-%d")
            self.fields[name] = DayField(label=label, widget=widget)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("from"), cleaned.get("to")
        if first is None or last is None:
            return cleaned
        if last < first:
            raise forms.ValidationError(_("The period ends before it begins."), code="period_reversed")
        if first.year < _FIRST_YEAR or last > timezone.localdate() + timedelta(days=MOST_DAYS):
            raise forms.ValidationError(_("There are no refunds in those years."), code="period_far")
        if (last - first).days >= MOST_DAYS:
            raise forms.ValidationError(_("Choose a period of at most five years."), code="period_too_long")
        return cleaned


def period_of(request: HttpRequest) -> Period:
    """Return the period that the address asks for, else the one chosen last; 30 days without any.

    An address that cannot be read gets a message and the period as it was.
    """
    kept = request.session.get(_KEPT)
    asked = {name: request.GET[name] for name in ("period", "from", "to") if name in request.GET}
    if asked:
        period = _read(asked)
        if isinstance(period, Period):
            if period.query != kept:
                request.session[_KEPT] = period.query
            return period
        for text in period:
            messages.error(request, text, extra_tags="unreadable_period")
    remembered = _read(kept) if isinstance(kept, dict) else None
    return remembered if isinstance(remembered, Period) else preset(Choice.DAYS_30)


def preset(choice: str) -> Period:
    """Return this period up to today."""
    today = timezone.localdate()
    if choice == Choice.TODAY:
        return Period(today, today, choice)
    if choice == Choice.MONTH:
        return Period(today.replace(day=1), today, choice)
    if choice == Choice.LAST_MONTH:
        last = today.replace(day=1) - timedelta(days=1)
        return Period(last.replace(day=1), last, choice)
    return Period(today - timedelta(days=int(choice) - 1), today, choice)


def _read(asked: dict[str, str]) -> Period | list[str]:
    """Return the period, or why it cannot be read."""
    choice = asked.get("period", Choice.OWN)
    if choice not in Choice.values:
        return [_("There is no such period. Choose one of those below.")]
    if choice != Choice.OWN:
        return preset(choice)
    form = PeriodForm(asked)
    if form.is_valid():
        return Period(form.cleaned_data["from"], form.cleaned_data["to"])
    return list(dict.fromkeys(str(text) for texts in form.errors.values() for text in texts))
