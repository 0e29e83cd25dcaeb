"""Requests and answers as the OpenAPI description shows them; `examples_errors.py` has what went wrong."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

Json = dict[str, Any]

PAYMENT: Json = {
    "imp_uid": "imp_000000000001",
    "merchant_uid": "ORDER-1",
    "name": "Linen shirt",
    "status": "cancelled",
    "pay_method": "card",
    "currency": "KRW",
    "amount": 10000,
    "cancel_amount": 4000,
    "refundable_amount": 6000,
    "paid_at": "2026-11-20T03:00:00Z",
}
_UNTOUCHED = PAYMENT | {"status": "paid", "cancel_amount": 0, "refundable_amount": 10000}

REFUND: Json = {
    "id": 1,
    "number": "R7K3M9Q2X4P",
    "imp_uid": "imp_000000000001",
    "merchant_uid": "ORDER-1",
    "status": "succeeded",
    "source": "api",
    "currency": "KRW",
    "amount": 4000,
    "cancelled_amount": 4000,
    "reason": "size",
    "refund_account_last4": "",
    "cancellation_id": "cancel_961137a30c7f1875",
    "receipt_url": "https://receipts.example/cancel_961137a30c7f1875",
    "code": "",
    "message": "",
    "requested_at": "2026-11-23T03:00:00.120000Z",
    "settled_at": "2026-11-23T03:00:01.480000Z",
}


def refund_without_money(status: str, *, code: str = "", message: str) -> Json:
    settled_at = REFUND["settled_at"] if status == "failed" else None
    outcome = {"status": status, "code": code, "message": message, "settled_at": settled_at}
    return REFUND | outcome | {"cancelled_amount": None, "cancellation_id": "", "receipt_url": ""}


_LATER = "Accepted by i'mport; the PG completes it later."
REFUSAL = "결제취소에 실패하였습니다. [잔액부족] 가맹점 정산 잔액이 부족합니다."
_HERE = "https://refunds.example"
_CURSOR = "PjIwMjYtMTEtMjBUMDM6MDA6MDArMDA6MDAvMQ"

REFUND_REQUESTS = [
    OpenApiExample(
        "A part", value={"merchant_uid": "ORDER-1", "cancel_request_amount": 4000, "reason": "size"}, request_only=True
    ),
    OpenApiExample("All that is left", value={"merchant_uid": "ORDER-1"}, request_only=True),
    OpenApiExample(
        "To a bank account",
        value={
            "imp_uid": "imp_000000000001",
            "cancel_request_amount": 4000,
            "reason": "사이즈 교환",
            "refund_holder": "홍길동",
            "refund_bank": "BK88",
            "refund_account": "110-123-456789",
        },
        request_only=True,
    ),
]

DONE = [OpenApiExample("Refunded", value=PAYMENT | {"refund": REFUND})]
PENDING = [
    OpenApiExample(
        "pending",
        value=_UNTOUCHED
        | {"refund": refund_without_money("pending", message=_LATER), "message": _LATER, "code": "pending"},
    )
]
PAYMENTS = [OpenApiExample("Partly refunded", value=PAYMENT)]
REFUNDS = [
    OpenApiExample("Succeeded", value=REFUND),
    OpenApiExample("Waiting for the PG", value=refund_without_money("pending", message=_LATER)),
    OpenApiExample("Failed", value=refund_without_money("failed", code="refused_by_gateway", message=REFUSAL)),
]
PAYMENT_LISTS = [
    OpenApiExample(
        "One page of several",
        value={"next": f"{_HERE}/payments?status=paid&cursor={_CURSOR}", "previous": None, "results": [_UNTOUCHED]},
    ),
    OpenApiExample("Nothing found", value={"next": None, "previous": None, "results": []}),
]
REFUND_PAGES = [
    OpenApiExample(
        "The last page",
        value={"next": None, "previous": f"{_HERE}/refunds?page_size=1&cursor={_CURSOR}", "results": [REFUND]},
    ),
    OpenApiExample("Nothing found", value={"next": None, "previous": None, "results": []}),
]
REFUND_LISTS = [
    OpenApiExample("One refund", value={"results": [REFUND]}),
    OpenApiExample("None yet", value={"results": []}),
]
