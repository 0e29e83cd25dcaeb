"""Filters that any list of the admin can use."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.utils import parse_date_str

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


class SeoulDateFilter(RangeDateFilter):  # type: ignore[misc]  # the theme ships no types
    """Rows from one day in Asia/Seoul to another, both included."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        first, last = self._day("from"), self._day("to")
        conditions = Q()
        if first is not None:
            conditions &= Q(**{f"{self.field_path}__gte": _midnight(first)})
        if last is not None and last < date.max:
            conditions &= Q(**{f"{self.field_path}__lt": _midnight(last + timedelta(days=1))})
        return queryset.filter(conditions)

    def _day(self, end: str) -> date | None:
        typed: Any = self.used_parameters.get(f"{self.field_path}_{end}")
        day: date | None = parse_date_str(typed) if isinstance(typed, str) else None
        return day if day is None or 1 < day.year < date.max.year else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
