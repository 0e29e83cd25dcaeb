"""The payment gateway: knows i'mport's wire format, and not our database."""

from payments.gateway.base import (
    Balance,
    Cancellation,
    CancelRequest,
    Gateway,
    GatewayPayment,
    PaymentPage,
    Requester,
    StatusFilter,
)
from payments.gateway.errors import (
    GatewayAuthFailed,
    GatewayError,
    GatewayRejected,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentUnknown,
)
from payments.gateway.registry import get_gateway, keys_are_refused

__all__ = [
    "Balance",
    "CancelRequest",
    "Cancellation",
    "Gateway",
    "GatewayAuthFailed",
    "GatewayError",
    "GatewayPayment",
    "GatewayRejected",
    "GatewayUnavailable",
    "OutcomeUnknown",
    "PaymentPage",
    "PaymentUnknown",
    "Requester",
    "StatusFilter",
    "get_gateway",
    "keys_are_refused",
]
