"""Display of events, deliveries and attempts."""

import json
from datetime import datetime

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.display import badge, format_time, two_lines
from core.money import format_money
from webhooks.models import Attempt, Delivery, DeliveryStatus, Endpoint, Event, EventType


def event_lines(event: Event) -> SafeString:
    """Return what happened and the amount."""
    name = event.get_type_display()
    if event.approval is not None:
        return two_lines(f"{name} {event.approval.shown_amount}", event.type)
    if event.refund is None:
        return two_lines(name, event.type)
    refund = event.refund
    amount = event.reversal.amount if event.reversal else refund.shown_amount
    return two_lines(f"{name} {format_money(amount, refund.payment.currency)}", event.type)


@admin.display(description=gettext_lazy("events"))
def event_types(endpoint: Endpoint) -> str:
    """Return the types of events that an endpoint receives."""
    names = [str(EventType(name).label) for name in endpoint.types if name in EventType.values]
    return ", ".join(names) if endpoint.types else _("All events")


def delivery_badge(delivery: Delivery, now: datetime) -> SafeString:
    if delivery.status == DeliveryStatus.DELIVERED:
        return badge("green", delivery.get_status_display())
    if delivery.status == DeliveryStatus.GIVEN_UP:
        # A test is tried once, so nothing was given up.
        return badge("red", delivery.get_status_display() if delivery.event.refund_id else _("Failed"))
    if delivery.is_being_sent(now):
        return badge("blue", _("Being sent"))
    if not delivery.endpoint.enabled:
        return badge("grey", _("On hold"), _("The endpoint is switched off."))
    if delivery.is_held(now):
        return badge("amber", _("Waiting for the endpoint"), pause_in_words(delivery.endpoint))
    return badge("amber", _("Trying again")) if delivery.failures else badge("blue", delivery.get_status_display())


@admin.display(description=gettext_lazy("status"))
def endpoint_badge(endpoint: Endpoint) -> SafeString:
    if endpoint.disabled_by_410:
        return badge("red", _("Switched off: it answered 410"))
    if endpoint.is_paused(timezone.now()):
        return badge("amber", pause_in_words(endpoint))
    return badge("green", _("Switched on")) if endpoint.enabled else badge("grey", _("Switched off"))


def pause_in_words(endpoint: Endpoint) -> str:
    """Say until when nothing is sent to a paused endpoint, and why."""
    return _("Paused until %(time)s: it kept failing") % {"time": format_time(endpoint.paused_until)}


@admin.display(description=gettext_lazy("next attempt"))
def next_attempt(delivery: Delivery) -> str:
    if delivery.status != DeliveryStatus.WAITING or not delivery.endpoint.enabled:
        return "–"
    is_held = delivery.is_held(timezone.now())
    return format_time(delivery.endpoint.paused_until if is_held else delivery.next_attempt_at)


def attempt_lines(delivery: Delivery, now: datetime) -> list[tuple[Attempt, SafeString, str | Promise]]:
    """Return the attempts, newest first, each with its result as a badge and in words."""
    attempts = list(delivery.attempt_log.all())
    under_way = attempts[-1] if attempts and delivery.is_being_sent(now) else None
    return [
        (attempt, _result_badge(attempt, attempt == under_way), _result_sentence(attempt, attempt == under_way))
        for attempt in reversed(attempts)
    ]


def last_result(delivery: Delivery) -> str:
    """Describe the result of the latest attempt in one or two sentences."""
    attempt = delivery.attempt_log.last()
    if attempt is None:
        return ""
    if attempt.status is None:
        return str(_result_sentence(attempt, under_way=False))
    answered = _("The endpoint answered HTTP %(status)s after %(milliseconds)s ms.")
    words = answered % {"status": attempt.status, "milliseconds": attempt.milliseconds}
    return f"{words} {_result_sentence(attempt, under_way=False)}".strip()


def pretty_body(event: Event) -> str:
    """Return the payload indented; empty if it is not rendered yet."""
    return json.dumps(json.loads(event.body), indent=2, ensure_ascii=False) if event.body else ""


def delivery_lines(endpoint: Endpoint, now: datetime, *, limit: int) -> list[tuple[int, SafeString, SafeString, str]]:
    """Return the latest deliveries of an endpoint: the id, what happened, the state and the time of each."""
    latest = endpoint.deliveries.select_related("event__refund__payment", "event__approval__payment", "endpoint")[
        :limit
    ]
    return [
        (found.pk, event_lines(found.event), delivery_badge(found, now), format_time(found.event.created_at))
        for found in latest
    ]


def order_link(event: Event, *, may_open: bool) -> SafeString | str:
    """Return the order and its refund, as a link for those who may open it."""
    if event.approval is not None and event.approval.payment is not None:
        return two_lines(event.approval.payment.merchant_uid, event.approval.number)
    if event.refund is None:
        return "–"
    lines = two_lines(event.refund.payment.merchant_uid, event.refund.number)
    if not may_open:
        return lines
    url = reverse("admin:refunds_refundrecord_change", args=[event.refund.pk])
    return format_html('<a class="rd-link" href="{}">{}</a>', url, lines)


def _result_badge(attempt: Attempt, under_way: bool) -> SafeString:
    if attempt.status is not None:
        return badge("green" if 200 <= attempt.status < 300 else "red", f"HTTP {attempt.status}")
    if attempt.error:
        return badge("red", _("Not delivered"))
    return badge("blue", _("Being sent")) if under_way else badge("grey", _("Interrupted"))


def _result_sentence(attempt: Attempt, under_way: bool) -> str | Promise:
    if attempt.status is None:
        if attempt.error or under_way:
            return attempt.get_error_display()
        return _("The process stopped during this attempt. The endpoint may have received the event.")
    if attempt.status == 410:
        return _("It answered 410 (no more events), so it was switched off.")
    if 300 <= attempt.status < 400:
        return _("Redirects are not followed. Enter the final address.")
    return ""
