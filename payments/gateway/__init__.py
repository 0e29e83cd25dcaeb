"""The payment gateway: knows i'mport's wire format, and not our database."""

from payments.gateway.base import (
    Balance,
    Cancellation,
    CancelRequest,
    Gateway,
    GatewayPayment,
    NextStep,
    PaymentPage,
    Refusal,
    RefusalClass,
    Requester,
    StatusFilter,
)
from payments.gateway.errors import (
    GatewayAuthFailed,
    GatewayBusy,
    GatewayError,
    GatewayRejected,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentUnknown,
)
from payments.gateway.registry import classify_refusal, get_gateway, keys_are_refused
from payments.gateway.slots import call_slot, serves_pages

__all__ = [
    "Balance",
    "CancelRequest",
    "Cancellation",
    "Gateway",
    "GatewayAuthFailed",
    "GatewayBusy",
    "GatewayError",
    "GatewayPayment",
    "GatewayRejected",
    "GatewayUnavailable",
    "NextStep",
    "OutcomeUnknown",
    "PaymentPage",
    "PaymentUnknown",
    "Refusal",
    "RefusalClass",
    "Requester",
    "StatusFilter",
    "call_slot",
    "classify_refusal",
    "get_gateway",
    "keys_are_refused",
    "serves_pages",
]
