"""What there is to tell: noted in the transaction that ends a refund, put into words when it is first sent."""

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
    """Note that this refund has ended, for every endpoint that wants to know; returns them.

    Part of the caller's transaction: event and settlement are committed together or not at all. Where no endpoint
    wants it, nothing is written.
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
    """The event's JSON. Written now if it was never sent, from the ledger as it is; afterwards it never changes."""
    if not event.body:
        # Guarded: of two processes that write it at once, both send what the first one wrote.
        Event.objects.filter(pk=event.pk, body="").update(body=_json(event))
        event.refresh_from_db(fields=["body"])
    return event.body


def _json(event: Event) -> str:
    content = {"type": event.type, "timestamp": event.created_at, "data": _data(event)}
    return bytes(JSONRenderer().render(content)).decode()


def _data(event: Event) -> Json:
    if event.refund_id is None:
        return {}
    refund = RefundRecord.objects.select_related("payment").get(pk=event.refund_id)
    return {"refund": refund_json(refund), "payment": payment_json(refund.payment)}
