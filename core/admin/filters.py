"""Filters that any list of the admin can use."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.widgets import INPUT_CLASSES, SELECT_CLASSES

from core.dates import DayField, parse_moment

SHOWN_AT_MOST = 60  # characters of what cannot be read
Label = str | Promise
_SELECT = " ".join(SELECT_CLASSES)
_SELECTED = SafeString(" selected")


class OptionFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    """A choice in a plain list, which needs no script. A value that is no option keeps no row, and says so."""

    template = "admin/option_filter.html"
    form_class = forms.Form  # the theme's loads scripts for a list that can be searched

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_readable = not self.value() or self.is_option(str(self.value()))
        if not self.is_readable:
            text = _("The filter “%(title)s” has no option “%(value)s”. No row is shown.")
            shown = str(self.value())[:SHOWN_AT_MOST]
            messages.error(args[0], text % {"title": self.title, "value": shown}, extra_tags="unreadable_filter")

    def choices(self, changelist: object) -> Iterator[dict[str, Any]]:
        """Yield the options as HTML: as widgets they would take a template each."""
        chosen = str(self.value() or "")
        offered = [("", pgettext("rows", "All")), *((str(option), label) for option, label in self.lookup_choices)]
        facts = ((option, _SELECTED if option == chosen else "", label) for option, label in offered)
        yield {"options": format_html_join("", '<option value="{}"{}>{}</option>', facts), "classes": _SELECT}

    def is_option(self, value: str) -> bool:
        return value in {str(option) for option, _label in self.lookup_choices}

    @property
    def in_words(self) -> str:
        labels = {str(option): str(label) for option, label in self.lookup_choices}
        value = str(self.value() or "")
        return labels.get(value, value[:SHOWN_AT_MOST])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return self.keep(queryset, str(self.value())) if self.is_readable else queryset.none()

    def keep(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return the rows that this option keeps."""
        raise NotImplementedError


class ChoiceFilter(OptionFilter):
    """A choice between fixed values: reading them from the table would scan it.

    `options` has the label of each value, and the rows that it keeps: a condition, or a function of the queryset.
    """

    options: Mapping[str, tuple[Label, Q | Callable[[Any], QuerySet[Any]]]]

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Label]]:
        return [(value, label) for value, (label, _keep) in self.options.items()]

    def keep(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        _label, keep = self.options[value]
        return queryset.filter(keep) if isinstance(keep, Q) else keep(queryset)


class DayRangeForm(forms.Form):
    """Two days, which the browser offers to choose and `core.dates` reads."""

    def __init__(self, name: str, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        for end, label in (("from", pgettext("date", "From")), ("to", pgettext("date", "To"))):
            attributes = {"type": "date", "class": " ".join(INPUT_CLASSES)}
            widget = forms.DateInput(attributes, format="%Y-%m-%d")
            self.fields[f"{name}_{end}"] = DayField(label=label, required=False, widget=widget)


class SeoulDateFilter(RangeDateFilter):  # type: ignore[misc]  # the theme ships no types
    """Rows from one day in Asia/Seoul to another, both included. A day that cannot be read keeps none, and says so."""

    form_class = DayRangeForm
    template = "admin/date_filter.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = (f"{self.field_path}_{end}" for end in ("from", "to"))
        form = self.form_class(name=self.field_path, data={name: self.used_parameters.get(name) for name in names})
        self.is_readable = form.is_valid()
        self._first, self._last = (form.cleaned_data.get(name) for name in form.fields)
        for message in {str(text) for texts in form.errors.values() for text in texts}:
            messages.error(self.request, message, extra_tags="unreadable_filter")

    @property
    def in_words(self) -> str:
        used = [str(self.used_parameters.get(name) or "")[:SHOWN_AT_MOST] for name in self.expected_parameters()]
        return " – ".join(used).strip() if any(used) else ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        if not self.is_readable:
            return queryset.none()
        start = end = None
        if self._first is not None and self._first.year > 1:  # the first and the last year have no midnight in UTC
            start = parse_moment(self._first)
        if self._last is not None and self._last.year < date.max.year:
            end = parse_moment(self._last, end_of_day=True)
        return self.between(queryset, start, end)

    def between(self, queryset: QuerySet[Any], start: datetime | None, end: datetime | None) -> QuerySet[Any]:
        """Return the rows from `start` until before `end`; None is no limit."""
        limits = {f"{self.field_path}__gte": start, f"{self.field_path}__lt": end}
        return queryset.filter(**{name: limit for name, limit in limits.items() if limit is not None})
