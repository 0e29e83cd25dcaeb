"""Create an event in the transaction that settles or reverses a refund; render its body before the first attempt."""

from datetime import datetime

from django.utils import timezone
from rest_framework.renderers import JSONRenderer

from core.database.rows import rows_of
from refunds.models import ApprovalStatus, RefundApproval, RefundRecord, RefundReversal, RefundStatus
from refunds.serialization import Json, approval_json, payment_json, refund_json, reversal_json
from webhooks.models import Delivery, Endpoint, Event, EventType

_TYPES = {
    RefundStatus.SUCCEEDED: EventType.REFUND_SUCCEEDED,
    RefundStatus.FAILED: EventType.REFUND_FAILED,
}
_APPROVAL_TYPES = {
    ApprovalStatus.WAITING: EventType.REFUND_REQUESTED,
    ApprovalStatus.APPROVED: EventType.REFUND_APPROVED,
}


def note_settlement(record: RefundRecord) -> list[Endpoint]:
    """Create the event of a settled refund, and a delivery for each endpoint that wants it; return these endpoints.

    Part of the caller's transaction: event and settlement are committed together or not at all. Without such an
    endpoint, nothing is written.
    """
    return _note(_TYPES[RefundStatus(record.status)], record, record.settled_at or timezone.now())


def note_reversal(reversal: RefundReversal) -> list[Endpoint]:
    """Create the event of a reversal in the same way."""
    return _note(EventType.REFUND_REVERSED, reversal.refund, reversal.created_at, reversal)


def note_approval(approval: RefundApproval) -> list[Endpoint]:
    """Create the event of a request for approval that was made, or has ended, in the same way.

    Bulk refunds have none: each of their refunds has its own at the end.
    """
    if approval.payment_id is None:
        return []
    event_type = _APPROVAL_TYPES.get(ApprovalStatus(approval.status), EventType.REFUND_REJECTED)
    return _note(event_type, None, approval.decided_at or approval.requested_at, approval=approval)


def _note(
    event_type: EventType,
    refund: RefundRecord | None,
    now: datetime,
    reversal: RefundReversal | None = None,
    approval: RefundApproval | None = None,
) -> list[Endpoint]:
    endpoints = rows_of(Endpoint, "SELECT id, types FROM webhooks_endpoint WHERE enabled")
    wanted_by = [endpoint for endpoint in endpoints if endpoint.wants(event_type)]
    if wanted_by:
        about = {"refund": refund, "reversal": reversal, "approval": approval}
        event = Event.objects.create(type=event_type, created_at=now, **about)
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


def event_json(
    event_type: str,
    at: datetime,
    refund: RefundRecord | None,
    reversal: RefundReversal | None = None,
    approval: RefundApproval | None = None,
) -> Json:
    """Return the content of an event; a test has no refund and no data."""
    data: Json = {"refund": refund_json(refund), "payment": payment_json(refund.payment)} if refund else {}
    if reversal:
        data["reversal"] = reversal_json(reversal)
    if approval and approval.payment:
        data = {"approval": approval_json(approval), "payment": payment_json(approval.payment)}
    return {"type": event_type, "timestamp": at, "data": data}


def _body(event: Event) -> str:
    refunds = RefundRecord.objects.select_related("payment")
    refund = refunds.get(pk=event.refund_id) if event.refund_id is not None else None
    content = event_json(event.type, event.created_at, refund, event.reversal, event.approval)
    return bytes(JSONRenderer().render(content)).decode()
