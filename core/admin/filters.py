"""Filters that any list of the admin can use."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.utils import parse_date_str


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
