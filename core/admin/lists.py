"""Pages of the admin whose addresses and forms may hold anything."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase

if TYPE_CHECKING:
    from unfold.admin import ModelAdmin as Base
else:
    Base = object

TICKED = "id__in"  # the rows that were ticked for an export
# What Django's and the theme's filters add to the name of their field.
_ENDINGS = ("", "__exact", "__isnull", "__in", "__id__exact", "__gte", "__lt", "_from", "_to")


class StrictListMixin(Base):  # type: ignore[misc]  # the theme ships no types
    """Only the list's own filters may stand in its address, and only keys of rows in its forms.

    It stands before `ModelAdmin` in the bases.

    Django allows every lookup on the model's own fields. Some of them fail when they are run (`__regex=(`), some run
    for minutes, and all of them reach columns that the list does not show.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        if lookup == TICKED:
            try:
                _ensure_keys(self.model, value.split(","))
            except BadRequest as exc:
                raise IncorrectLookupParameters from exc  # the list is shown without it
        elif lookup not in self._parameters(request):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        _ensure_keys(self.model, request.POST.getlist(ACTION_CHECKBOX_NAME))
        response: HttpResponseBase | None = super().response_action(request, queryset)
        return response

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        for field in (*self.opts.fields, *self.opts.many_to_many):
            if field.related_model is not None and isinstance(field.related_model, type):
                _ensure_keys(field.related_model, filter(None, request.POST.getlist(field.name)))
        response: HttpResponseBase = super().changeform_view(request, *args, **kwargs)
        return response

    def _parameters(self, request: HttpRequest) -> set[str]:
        names = set()
        for filter_ in self.get_list_filter(request):
            # A field's name, a pair of it and its filter's class, or a class that knows its parameter.
            name = filter_[0] if isinstance(filter_, tuple) else getattr(filter_, "parameter_name", filter_)
            names |= {f"{name}{ending}" for ending in _ENDINGS}
        return names


def _ensure_keys(model: type[Model], texts: Iterable[str]) -> None:
    """400 for what can be the key of no row: a query for it would fail."""
    try:
        for text in texts:
            model._meta.pk.clean(text, None)  # noqa: SLF001 (Django's public API)
    except ValidationError as exc:
        raise BadRequest("no key of a row") from exc
