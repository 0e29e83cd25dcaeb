"""Sample payments in i'mport's JSON, and the configuration of the gateway tests."""

from decimal import Decimal
from typing import Any

from payments.gateway import CancelRequest
from payments.gateway.iamport.config import GatewayConfig

UID = "imp_000000000001"


def payment_json(**changes: Any) -> dict[str, Any]:
    return {
        "imp_uid": UID,
        "merchant_uid": "order-1",
        "status": "paid",
        "amount": 10000,
        "cancel_amount": 0,
        "currency": "KRW",
        "cancel_history": [],
        "paid_at": 1_700_000_000,
        **changes,
    }


def cancelled_json(amount: int = 1000, **changes: Any) -> dict[str, Any]:
    item = {"amount": amount, "cancelled_at": 1_700_000_100, "cancellation_id": "c-1", "pg_tid": "t-1"}
    return payment_json(status="cancelled", cancel_amount=amount, cancel_history=[item], **changes)


def cancel_request(**changes: Any) -> CancelRequest:
    values = {"imp_uid": UID, "amount": Decimal(1000), "checksum": Decimal(10000), "reason": "changed mind"}
    return CancelRequest(**{**values, **changes})


def config(url: str, **changes: Any) -> GatewayConfig:
    values: dict[str, Any] = {
        "api_url": url.rstrip("/"),
        "imp_key": "key",
        "imp_secret": "the-secret",
        "connect_timeout": 5.0,
        "read_timeout": 5.0,
    }
    return GatewayConfig(**{**values, **changes})
