"""Create an event in the transaction that settles a refund; render its body before the first attempt."""

from datetime import datetime

from django.utils import timezone
from rest_framework.renderers import JSONRenderer

from refunds.models import RefundRecord, RefundStatus
from refunds.serialization import Json, payment_json, refund_json
from webhooks.models import Delivery, Endpoint, Event, EventType

_TYPES = {
    RefundStatus.SUCCEEDED: EventType.REFUND_SUCCEEDED,
    RefundStatus.FAILED: EventType.REFUND_FAILED,
}


def note_settlement(record: RefundRecord) -> list[Endpoint]:
    """Create the event of a settled refund, and a delivery for each endpoint that wants it; return these endpoints.

    Part of the caller's transaction: event and settlement are committed together or not at all. Without such an
    endpoint, nothing is written.
    """
    event_type = _TYPES[RefundStatus(record.status)]
    wanted_by = [endpoint for endpoint in Endpoint.objects.filter(enabled=True) if endpoint.wants(event_type)]
    if wanted_by:
        now = record.settled_at or timezone.now()
        event = Event.objects.create(type=event_type, refund=record, created_at=now)
        Delivery.objects.bulk_create(
            Delivery(event=event, endpoint=endpoint, next_attempt_at=now) for endpoint in wanted_by
        )
    return wanted_by


def body_of(event: Event) -> str:
    """Return the event's JSON. The first call renders it from the current ledger; then it never changes."""
    if not event.body:
        # Guarded: of two processes that render it at once, both send what the first one wrote.
        Event.objects.filter(pk=event.pk, body="").update(body=_body(event))
        event.refresh_from_db(fields=["body"])
    return event.body


def event_json(event_type: str, at: datetime, refund: RefundRecord | None) -> Json:
    """Return the content of an event; a test has no refund and no data."""
    data = {"refund": refund_json(refund), "payment": payment_json(refund.payment)} if refund else {}
    return {"type": event_type, "timestamp": at, "data": data}


def _body(event: Event) -> str:
    refunds = RefundRecord.objects.select_related("payment")
    refund = refunds.get(pk=event.refund_id) if event.refund_id is not None else None
    return bytes(JSONRenderer().render(event_json(event.type, event.created_at, refund))).decode()
