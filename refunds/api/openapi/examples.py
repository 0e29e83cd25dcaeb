"""Example requests and answers of the description, written by the serializers from records that are never saved."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import translation
from drf_spectacular.utils import OpenApiExample
from rest_framework.renderers import JSONRenderer

from payments.models import Payment, PaymentStatus
from refunds.api.lists import pagination
from refunds.api.responses import AWAITING_APPROVAL, FULL_PAYMENT, PENDING_REFUND, REFUNDED_PAYMENT, STATED_PAYMENT
from refunds.errors import AwaitingApproval
from refunds.models import (
    FINAL_STATUSES,
    ApprovalStatus,
    ClosedCode,
    RefundApproval,
    RefundReason,
    RefundRecord,
    RefundReversal,
    RefundSource,
    RefundStatus,
)
from refunds.serialization import approval_json, refund_json

_HERE = "https://refunds.example"
AT = datetime.fromisoformat("2026-11-23T03:00:01.48Z")
_CURSOR = "WyIyMDI2LTExLTIwVDAzOjAwOjAwKzAwOjAwIiwxLGZhbHNlXQ:1vN0aB:m7cQ"


REASON = RefundReason(code="change_of_mind", name_ko="단순 변심", name_en="Change of mind", fault="buyer")


def payment(**changes: Any) -> Payment:
    """A paid order of 10,000 won."""
    fields: dict[str, Any] = {
        "imp_uid": "imp_000000000001",
        "merchant_uid": "ORDER-1",
        "name": "Linen shirt",
        "status": PaymentStatus.PAID,
        "pay_method": "card",
        "amount": Decimal(10000),
        "paid_at": datetime.fromisoformat("2026-11-20T03:00:00Z"),
    }
    return Payment(**fields | changes)


def refund(status: str, **changes: Any) -> RefundRecord:
    """A refund of 4,000 won that has not moved money."""
    fields: dict[str, Any] = {
        "pk": 1,
        "number": "R7K3M9Q2X4P",
        "payment": payment(),
        "status": status,
        "source": RefundSource.API,
        "amount": Decimal(4000),
        "reason": "size",
        "frozen_reason": REASON.frozen,
        "requested_at": datetime.fromisoformat("2026-11-23T03:00:00.12Z"),
    }
    if status in FINAL_STATUSES:
        fields["settled_at"] = AT
    return RefundRecord(**fields | changes)


def approval(**changes: Any) -> RefundApproval:
    """A request for a refund of 900,000 won."""
    fields: dict[str, Any] = {
        "number": "A4M8T2W6K93",
        "payment": payment(amount=Decimal(900_000)),
        "source": RefundSource.API,
        "currency": "KRW",
        "amount": Decimal(900_000),
        "balance": Decimal(900_000),
        "reason": "size",
        "requested_at": datetime.fromisoformat("2026-11-23T03:00:00.12Z"),
        "expires_at": datetime.fromisoformat("2026-11-30T03:00:00.12Z"),
    }
    return RefundApproval(**fields | changes)


SUCCEEDED = refund(
    RefundStatus.SUCCEEDED,
    payment=payment(status=PaymentStatus.CANCELLED, cancel_amount=Decimal(4000)),
    cancelled_amount=Decimal(4000),
    expected_by=date(2026, 11, 30),
    cancellation_id="cancel_961137a30c7f1875",
    receipt_url="https://receipts.example/cancel_961137a30c7f1875",
)
REVERSED = refund(
    RefundStatus.SUCCEEDED,
    cancelled_amount=Decimal(4000),
    reversed_amount=Decimal(4000),
    cancellation_id="cancel_961137a30c7f1875",
)
WAITING = approval()
APPROVED = approval(status=ApprovalStatus.APPROVED, decided_at=AT, decided_by_name="kim")
ENDED = (
    approval(status=ApprovalStatus.REJECTED, decided_at=AT, decided_by_name="kim"),
    approval(status=ApprovalStatus.EXPIRED, decided_at=AT, closed_code=ClosedCode.BALANCE_CHANGED),
    approval(status=ApprovalStatus.WITHDRAWN, decided_at=AT, closed_code=ClosedCode.WITHDRAWN),
)
REVERSAL = RefundReversal(refund=REVERSED, amount=Decimal(4000), seen_at=AT, created_at=AT)
REFUSED = refund(
    RefundStatus.FAILED,
    error_code="refused_by_gateway",
    message="결제취소에 실패하였습니다. 취소금액이 미정산 금액보다 큽니다.",
    refusal_class="settlement_short",
    refusal_step="pay_in",
)


def written(body: Any) -> Any:
    """The body as it is sent, with times as text."""
    return json.loads(JSONRenderer().render(body))


def _example(name: str, body: Any) -> list[OpenApiExample]:
    return [OpenApiExample(name, value=written(body))]


REFUND_REQUESTS = [
    OpenApiExample(
        "A part",
        value={
            "merchant_uid": "ORDER-1",
            "cancel_request_amount": 4000,
            "reason": "size",
            "reason_code": "change_of_mind",
        },
        request_only=True,
    ),
    OpenApiExample(
        "A part that keeps the promotion",
        value={"merchant_uid": "ORDER-1", "cancel_request_amount": 4000, "retain_promotion": True},
        request_only=True,
    ),
    OpenApiExample(
        "To a bank account",
        value={
            "imp_uid": "imp_000000000001",
            "refund_holder": "홍길동",
            "refund_bank": "BK88",
            "refund_account": "110-123-456789",
        },
        request_only=True,
    ),
]
TAX_PARTS = [OpenApiExample("A mixed order", value={"tax_free": 3000, "vat_amount": 636}, request_only=True)]
with translation.override("en"):
    STATED = _example(
        "Stated", STATED_PAYMENT.to_representation(payment(tax_free=Decimal(3000), vat_amount=Decimal(636)))
    )
    DONE = _example("Refunded", REFUNDED_PAYMENT.to_representation(SUCCEEDED))
    PENDING = _example("pending", PENDING_REFUND.to_representation(refund(RefundStatus.PENDING)))
    AWAITING = _example(
        "awaiting_approval", AWAITING_APPROVAL.to_representation(AwaitingApproval(WAITING, is_new=True))
    )
    PAYMENT = _example("Partly refunded", FULL_PAYMENT.to_representation(SUCCEEDED.payment))
    APPROVAL = _example("Waiting", approval_json(WAITING))
    APPROVAL_PAGE = _example(
        "One page", pagination.APPROVAL_PAGE.to_representation({"next": None, "previous": None, "results": [WAITING]})
    )
    REFUND = _example("Succeeded", refund_json(SUCCEEDED))
    REASON_LIST = _example("One reason", pagination.REASON_LIST.to_representation({"results": [REASON]}))
    REFUND_LIST = _example("One refund", pagination.REFUND_LIST.to_representation({"results": [SUCCEEDED]}))
    _older = {"next": f"{_HERE}/payments?status=paid&cursor={_CURSOR}", "previous": None, "results": [payment()]}
    PAYMENT_PAGE = _example("The first page", pagination.PAYMENT_PAGE.to_representation(_older))
    _newer = {
        "next": None,
        "previous": f"{_HERE}/refunds?page_size=2&cursor={_CURSOR}",
        "results": [SUCCEEDED, REFUSED],
    }
    REFUND_PAGE = _example("The last page", pagination.REFUND_PAGE.to_representation(_newer))
