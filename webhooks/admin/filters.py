"""Filters of the list of deliveries."""

from collections.abc import Iterable

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from webhooks.models import Delivery, DeliveryStatus, Endpoint, EventType

Choice = tuple[str, str | Promise]
Deliveries = QuerySet[Delivery]


class StateFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    title = _("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Delivery]") -> Iterable[Choice]:
        return (
            ("waiting", _("Waiting")),
            ("retrying", _("Trying again")),
            ("delivered", _("Delivered")),
            ("given_up", _("Given up")),
        )

    def queryset(self, request: HttpRequest, queryset: Deliveries) -> Deliveries:
        if self.value() == "retrying":
            return queryset.filter(status=DeliveryStatus.WAITING, failures__gt=0)
        return queryset.filter(status=self.value()) if self.value() in DeliveryStatus.values else queryset


class EndpointFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    title = _("webhook endpoint")
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Delivery]") -> Iterable[Choice]:
        return [(str(pk), name) for pk, name in Endpoint.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: Deliveries) -> Deliveries:
        known = {str(pk) for pk, _name in self.lookup_choices}
        return queryset.filter(endpoint=int(self.value())) if self.value() in known else queryset


class EventFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    title = _("event")
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Delivery]") -> Iterable[Choice]:
        return EventType.choices

    def queryset(self, request: HttpRequest, queryset: Deliveries) -> Deliveries:
        return queryset.filter(event__type=self.value()) if self.value() in EventType.values else queryset
