"""Filters of the list of deliveries."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from core.admin.filters import ChoiceFilter
from webhooks.models import Delivery, DeliveryStatus, Endpoint, EventType


class StateFilter(ChoiceFilter):
    title = _("status")
    parameter_name = "state"
    options = {
        "waiting": (_("Waiting"), Q(status=DeliveryStatus.WAITING)),
        "retrying": (_("Trying again"), Q(status=DeliveryStatus.WAITING, failures__gt=0)),
        "delivered": (_("Delivered"), Q(status=DeliveryStatus.DELIVERED)),
        "given_up": (_("Given up"), Q(status=DeliveryStatus.GIVEN_UP)),
    }


class EventFilter(ChoiceFilter):
    title = _("event")
    parameter_name = "event"
    options = {name: (label, Q(event__type=name)) for name, label in EventType.choices}


class EndpointFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    title = _("webhook endpoint")
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Endpoint.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        known = {str(pk) for pk, _name in self.lookup_choices}
        return queryset.filter(endpoint=int(self.value())) if self.value() in known else queryset
