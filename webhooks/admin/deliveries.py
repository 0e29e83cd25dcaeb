"""Deliveries for staff: what was sent where, what was answered, and sending it again."""

import re
from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from unfold.decorators import action

from core.admin.display import format_time
from core.admin.lists import ReadOnlyAdmin
from core.admin.log import log
from core.admin.pages import StaffRequest, staff_may
from core.queue import enqueue
from core.sentences import sentence as gettext
from refunds.admin.search import search_refunds
from refunds.models import RefundRecord
from refunds.permissions import may_view_refunds
from webhooks.admin.display import (
    attempt_lines,
    delivery_badge,
    event_lines,
    next_attempt,
    order_link,
    pause_in_words,
    pretty_body,
)
from webhooks.admin.filters import EndpointFilter, EventFilter, StateFilter
from webhooks.delivery.service import send_again
from webhooks.models import Delivery, EventType
from webhooks.permissions import may_send_again, may_view_deliveries, may_view_endpoints
from webhooks.tasks import deliver_to

MAX_AT_ONCE = 1_000
_MESSAGE_ID = re.compile(r"evt_[0-9a-f]{32}")


class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("what", "order", "endpoint", "state", "attempts", "happened", next_attempt)
    list_filter = (StateFilter, EndpointFilter, EventFilter)
    list_select_related = ("event__refund__payment", "event__approval__payment", "endpoint")
    search_fields = ("pk",)  # shows the search box; `get_search_results` searches
    search_help_text = _("Order, refund or event number")
    actions = ("send_selected_again",)
    most_at_once = MAX_AT_ONCE
    limited_action = "send_selected_again"
    over_most = format_lazy(_("Only {most} deliveries can be sent again at a time."), most=f"{MAX_AT_ONCE:,}")
    may_view = staticmethod(may_view_deliveries)
    change_form_outer_before_template = "admin/webhooks/delivery_overview.html"

    class Media:
        css = {"all": ("webhooks/admin.css",)}

    def has_send_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_send_again(request.user)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(again)
        return [path("<int:pk>/again/", view, name="webhooks_delivery_again"), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        if _MESSAGE_ID.fullmatch(text.lower()):
            return queryset.filter(event__uuid=UUID(text.lower().removeprefix("evt_"))), False
        refunds = search_refunds(RefundRecord.objects.order_by(), text, newest=True)
        return queryset.filter(event__refund__in=refunds), False

    def get_fieldsets(self, request: HttpRequest, obj: Delivery | None = None) -> list[Any]:
        """Return no fields: the overview shows everything."""
        return []

    def page_context(self, request: HttpRequest, obj: Delivery) -> dict[str, Any]:
        now = timezone.now()
        is_test = obj.event.type == EventType.PING
        return {
            "title": obj.event.get_type_display(),
            "words": event_lines(obj.event),
            "state": delivery_badge(obj, now),
            "pause": pause_in_words(obj.endpoint) if obj.is_held(now) else "",
            "order": order_link(obj.event, may_open=may_view_refunds(request.user)),
            "happened": format_time(obj.event.created_at),
            "finished": format_time(obj.finished_at),
            "next_attempt": next_attempt(obj),
            "body": pretty_body(obj.event),
            "attempts": attempt_lines(obj, now),
            "may_open_endpoint": may_view_endpoints(request.user),
            "may_send_again": may_send_again(request.user) and not is_test and not obj.is_being_sent(now),
        }

    @action(description=_("Send again"), permissions=["send"])  # type: ignore[untyped-decorator]
    def send_selected_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        chosen = list(queryset.order_by().values_list("pk", flat=True)[: MAX_AT_ONCE + 1])
        if len(chosen) > MAX_AT_ONCE:
            text = gettext(
                "At most %(count)s deliveries can be sent again at a time. Narrow the list with the filters."
            )
            messages.error(request, text % {"count": MAX_AT_ONCE}, extra_tags="too_many_events")
        else:
            _send_again(request, chosen)

    @admin.display(description=_("event"))
    def what(self, delivery: Delivery) -> SafeString:
        return event_lines(delivery.event)

    @admin.display(description=_("order"))
    def order(self, delivery: Delivery) -> SafeString | str:
        return order_link(delivery.event, may_open=False)

    @admin.display(description=_("status"))
    def state(self, delivery: Delivery) -> SafeString:
        return delivery_badge(delivery, timezone.now())

    @admin.display(description=_("happened at"))
    def happened(self, delivery: Delivery) -> str:
        return format_time(delivery.event.created_at)


@require_POST
@staff_may(may_send_again)
def again(request: StaffRequest, pk: int) -> HttpResponse:
    """Send one delivery again, and go back to it."""
    delivery = get_object_or_404(Delivery, pk=pk)
    _send_again(request, [delivery.pk])
    return HttpResponseRedirect(reverse("admin:webhooks_delivery_change", args=[delivery.pk]))


def _send_again(request: HttpRequest, pks: list[int]) -> None:
    sent = send_again(Delivery.objects.filter(pk__in=pks))
    if sent:
        log(cast(User, request.user), *sent, text=gettext("Sent again"))
    for endpoint_id in {delivery.endpoint_id for delivery in sent if delivery.endpoint.enabled}:
        enqueue(deliver_to, endpoint_id)
    held = sorted({delivery.endpoint.name for delivery in sent if not delivery.endpoint.enabled})
    if sent:
        text = ngettext("%(count)s event will be sent again.", "%(count)s events will be sent again.", len(sent))
        messages.success(request, text % {"count": len(sent)}, extra_tags="sent_again")
    if held:
        text = gettext("%(names)s: switched off. Its events wait until it is switched on.")
        messages.warning(request, text % {"names": ", ".join(held)}, extra_tags="on_hold")
    if len(sent) < len(pks):
        text = gettext("Not sent again: test events, and events that are being sent now.")
        messages.info(request, text, extra_tags="left_out")
