"""Lists of the admin whose addresses and forms may hold anything."""

from typing import TYPE_CHECKING, Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Any]
else:
    Base = object

# What Django's and the theme's filters add to the name of their field.
_ENDINGS = ("", "__exact", "__isnull", "__in", "__id__exact", "__gte", "__lt", "_from", "_to")


class StrictListMixin(Base):
    """Only the list's own filters may stand in its address; stands before `ModelAdmin` in the bases.

    Django allows every lookup on the model's own fields. Some of them fail when they are run (`__regex=(`), some run
    for minutes, and all of them reach columns that the list does not show.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in self._parameters(request) and bool(super().lookup_allowed(lookup, value, request))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        """Refuses what cannot be the key of a row: the query would fail."""
        key = self.opts.pk
        try:
            for text in request.POST.getlist(ACTION_CHECKBOX_NAME):
                key.clean(text, None)
        except ValidationError as exc:
            raise BadRequest("no key of a row") from exc
        return super().response_action(request, queryset)

    def _parameters(self, request: HttpRequest) -> set[str]:
        names = {"id__in"}  # the rows that were ticked for an export
        for filter_ in self.get_list_filter(request):
            # A field's name, a pair of it and its filter's class, or a class that knows its parameter.
            name = filter_[0] if isinstance(filter_, tuple) else getattr(filter_, "parameter_name", filter_)
            names |= {f"{name}{ending}" for ending in _ENDINGS}
        return names
