"""Filters that any list of the admin can use."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.contrib.filters.forms import RangeDateForm

from core.dates import DayField

Label = str | Promise


class ChoiceFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    """A choice between fixed values: reading them from the table would scan it.

    `options` has the label of each value, and the rows that it keeps: a condition, or a function of the queryset.
    """

    options: Mapping[str, tuple[Label, Q | Callable[[Any], QuerySet[Any]]]]

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Label]]:
        return [(value, label) for value, (label, _keep) in self.options.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        _label, keep = self.options.get(self.value(), ("", Q()))
        return queryset.filter(keep) if isinstance(keep, Q) else keep(queryset)


class DayRangeForm(RangeDateForm):  # type: ignore[misc]  # the theme ships no types
    """The theme's form of two days, which reads them as `core.dates` does."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(name, *args, **kwargs)
        for end, theirs in self.fields.items():
            self.fields[end] = DayField(label="", required=False, widget=theirs.widget)


class SeoulDateFilter(RangeDateFilter):  # type: ignore[misc]  # the theme ships no types
    """Rows from one day in Asia/Seoul to another, both included. A day that cannot be read keeps none, and says so."""

    form_class = DayRangeForm

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = (f"{self.field_path}_{end}" for end in ("from", "to"))
        form = self.form_class(name=self.field_path, data={name: self.used_parameters.get(name) for name in names})
        self.is_readable = form.is_valid()
        self._first, self._last = (form.cleaned_data.get(name) for name in form.fields)
        for message in {text for texts in form.errors.values() for text in texts}:
            messages.error(self.request, message)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        if not self.is_readable:
            return queryset.none()
        start = end = None
        if self._first is not None and self._first.year > 1:  # the first and the last year have no midnight in UTC
            start = _midnight(self._first)
        if self._last is not None and self._last.year < date.max.year:
            end = _midnight(self._last + timedelta(days=1))
        return self.between(queryset, start, end)

    def between(self, queryset: QuerySet[Any], start: datetime | None, end: datetime | None) -> QuerySet[Any]:
        """Return the rows from `start` until before `end`; None is no limit."""
        limits = {f"{self.field_path}__gte": start, f"{self.field_path}__lt": end}
        return queryset.filter(**{name: limit for name, limit in limits.items() if limit is not None})


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
