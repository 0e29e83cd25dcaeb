"""Filters of the list of deliveries."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.filters import ChoiceFilter, OptionFilter
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


class EndpointFilter(OptionFilter):
    title = _("webhook endpoint")
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Endpoint.objects.values_list("pk", "name")]

    def keep(self, queryset: QuerySet[Delivery], value: str) -> QuerySet[Delivery]:
        return queryset.filter(endpoint=int(value))
