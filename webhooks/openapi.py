"""Describe the webhook events for OpenAPI; `config.openapi` lists them.

By hand: drf-spectacular omits the headers of webhooks.
"""

from django.utils import translation
from drf_spectacular.utils import OpenApiWebhook

from refunds.api.openapi.examples import APPROVED, AT, ENDED, REFUSED, REVERSAL, REVERSED, SUCCEEDED, WAITING, written
from refunds.models import RefundApproval, RefundRecord, RefundReversal
from refunds.serialization import MAJOR_UNITS, Json
from webhooks.events import event_json
from webhooks.models import EventType

_DELIVERY = (
    "Answer any 2xx status within 10 seconds, then process the event. Any other status, and no answer, is retried for "
    "about three days; 410 disables the endpoint. An event may come twice, and events may come in any order. "
    "Ignore unknown types. How to verify the signature: docs/events.md, https://www.standardwebhooks.com."
)
_HEADERS = [
    ("webhook-id", "^evt_[0-9a-f]{32}$", "Id of the event; the same for each attempt."),
    ("webhook-timestamp", "^[0-9]+$", "Time of this attempt, in seconds since 1970."),
    (
        "webhook-signature",
        "^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)?$",
        "Base64 HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}`; two while a secret is being replaced.",
    ),
]


def _header(name: str, pattern: str, meaning: str) -> Json:
    schema = {"type": "string", "pattern": pattern}
    return {"in": "header", "name": name, "required": True, "schema": schema, "description": meaning}


def _webhook(
    event_type: str,
    summary: str,
    description: str,
    data: Json,
    refund: RefundRecord | None,
    reversal: RefundReversal | None = None,
    approval: RefundApproval | None = None,
) -> OpenApiWebhook:
    schema = {
        "type": "object",
        "properties": {
            "type": {"const": event_type},
            "timestamp": {"type": "string", "format": "date-time", "description": "Time of the event."},
            "data": data,
        },
        "required": ["type", "timestamp", "data"],
    }
    with translation.override("en"):  # whatever language is active when this is imported
        shown = written(event_json(event_type, AT, refund, reversal, approval))
    operation = {
        "summary": summary,
        "description": f"{description} {_DELIVERY}",
        "tags": ["events"],
        "parameters": [_header(*header) for header in _HEADERS],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "examples": {event_type: {"value": shown}}}},
        },
        "responses": {"2XX": {"description": "Received."}, "410": {"description": "Send no more events to this URL."}},
    }
    return OpenApiWebhook(event_type, {"post": operation})


_REFUND_DATA: Json = {
    "type": "object",
    "properties": {
        "refund": {"$ref": "#/components/schemas/Refund"},
        "payment": {"$ref": "#/components/schemas/Payment"},
    },
    "required": ["refund", "payment"],
}
_TIME = {"type": "string", "format": "date-time"}
_REVERSAL: Json = {
    "type": "object",
    "properties": {
        "refund": {"type": "string", "description": "The refund's number."},
        "currency": {"type": "string", "description": "ISO 4217."},
        "amount": {"type": "number", "description": f"Taken back. {MAJOR_UNITS}"},
        "seen_at": {**_TIME, "description": "When i'mport was first seen to show less refunded."},
        "created_at": {**_TIME, "description": "When staff accepted it."},
    },
    "required": ["refund", "currency", "amount", "seen_at", "created_at"],
}
_REVERSAL_DATA: Json = {
    "type": "object",
    "properties": {**_REFUND_DATA["properties"], "reversal": _REVERSAL},
    "required": [*_REFUND_DATA["required"], "reversal"],
}
_APPROVAL_DATA: Json = {
    "type": "object",
    "properties": {
        "approval": {"$ref": "#/components/schemas/Approval"},
        "payment": {"$ref": "#/components/schemas/Payment"},
    },
    "required": ["approval", "payment"],
}
_AS_IT_WAS = "`payment` is as it was when the event was first sent."

refund_succeeded = _webhook(
    EventType.REFUND_SUCCEEDED.value,
    "A refund was executed",
    f"Also sent for cancels made in i'mport's console. {_AS_IT_WAS}",
    _REFUND_DATA,
    SUCCEEDED,
)
refund_failed = _webhook(
    EventType.REFUND_FAILED.value,
    "A refund was not executed",
    f"`code` and `message` of the refund say why. {_AS_IT_WAS}",
    _REFUND_DATA,
    REFUSED,
)
refund_reversed = _webhook(
    EventType.REFUND_REVERSED.value,
    "A refund was reversed, in whole or in part",
    "i'mport shows less refunded than before, for example because a bank sent the money back, and staff accepted that. "
    f"The refund stays `succeeded`; its `reversed_amount` is the sum of its reversals. {_AS_IT_WAS}",
    _REVERSAL_DATA,
    REVERSED,
    REVERSAL,
)
_BEFORE_A_REFUND = (
    "`approval` and `payment` are as they were when the event was first sent. Bulk refunds have no such events: each "
    "of their refunds has its own at the end."
)
refund_requested = _webhook(
    EventType.REFUND_REQUESTED.value,
    "A refund waits for approval",
    f"It is above a limit of the shop, and a second person decides. {_BEFORE_A_REFUND}",
    _APPROVAL_DATA,
    None,
    approval=WAITING,
)
refund_approved = _webhook(
    EventType.REFUND_APPROVED.value,
    "A refund was approved",
    f"It is sent next; its own event follows when it ends. {_BEFORE_A_REFUND}",
    _APPROVAL_DATA,
    None,
    approval=APPROVED,
)
refund_rejected = _webhook(
    EventType.REFUND_REJECTED.value,
    "A refund was not approved",
    "The request was rejected, was withdrawn, or has expired, as `status` and `closed_code` of the approval say. There "
    f"will be no refund. {_BEFORE_A_REFUND}",
    _APPROVAL_DATA,
    None,
    approval=ENDED[0],
)
ping = _webhook(
    EventType.PING.value,
    "A test",
    "Staff test the endpoint. Sent once, never retried.",
    {"type": "object"},
    None,
)
