"""The JSON of payments, refunds and errors, to the byte: field order, number forms, times and nulls."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rest_framework.renderers import JSONRenderer

from payments.models import Payment
from refunds.errors import InvalidRequest, PolicyViolated, RefundError, RefundRefused, Violation
from refunds.models import RefundRecord, RefundStatus
from refunds.serialization import Json, error_json, payment_json, refund_json

AT = datetime(2026, 11, 20, 3, 0, 0, 120000, tzinfo=UTC)
PAYMENT = Payment(
    imp_uid="imp_1",
    merchant_uid="ORDER-1",
    name="셔츠",
    status="cancelled",
    pay_method="card",
    currency="USD",
    amount=Decimal("12.3000"),
    cancel_amount=Decimal("4.0000"),
    paid_at=AT,
)
UNPAID = Payment(imp_uid="imp_2", merchant_uid="ORDER-2", status="ready", amount=Decimal("10000.0000"))
DONE = RefundRecord(
    pk=7,
    payment=PAYMENT,
    number="R23456789AB",
    status=RefundStatus.SUCCEEDED,
    source="api",
    amount=Decimal("4.0000"),
    cancelled_amount=Decimal("3.9900"),
    reason="size",
    refund_account_last4="6789",
    cancellation_id="cancel_1",
    receipt_url="https://receipts.example/1",
    requested_at=AT,
    settled_at=AT.replace(microsecond=0),
)
OPEN = RefundRecord(
    pk=8, payment=UNPAID, number="R23456789AC", source="admin", amount=Decimal("4000.0000"), requested_at=AT
)
OPEN_JSON = (
    '{"id":8,"number":"R23456789AC","imp_uid":"imp_2","merchant_uid":"ORDER-2","status":"requested","source":"admin",'
    '"currency":"KRW","amount":4000,"cancelled_amount":null,"reversed_amount":0,"reason":"","reason_code":"",'
    '"reason_name":"","fault":"","refund_account_last4":"",'
    '"cancellation_id":"","receipt_url":"","code":"","message":"","requested_at":"2026-11-20T03:00:00.120000Z",'
    '"settled_at":null,"expected_by":null,"sandbox":false,"refusal":null}'
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            payment_json(PAYMENT),
            '{"imp_uid":"imp_1","merchant_uid":"ORDER-1","name":"셔츠","status":"cancelled","pay_method":"card",'
            '"currency":"USD","amount":12.3,"cancel_amount":4,"refundable_amount":8.3,'
            '"paid_at":"2026-11-20T03:00:00.120000Z","sandbox":false}',
        ),
        (
            payment_json(UNPAID),
            '{"imp_uid":"imp_2","merchant_uid":"ORDER-2","name":"","status":"ready","pay_method":"",'
            '"currency":"KRW","amount":10000,"cancel_amount":0,"refundable_amount":0,"paid_at":null,"sandbox":false}',
        ),
        (
            refund_json(DONE),
            '{"id":7,"number":"R23456789AB","imp_uid":"imp_1","merchant_uid":"ORDER-1","status":"succeeded",'
            '"source":"api","currency":"USD","amount":4,"cancelled_amount":3.99,"reversed_amount":0,"reason":"size",'
            '"reason_code":"","reason_name":"","fault":"",'
            '"refund_account_last4":"6789","cancellation_id":"cancel_1","receipt_url":"https://receipts.example/1",'
            '"code":"","message":"","requested_at":"2026-11-20T03:00:00.120000Z",'
            '"settled_at":"2026-11-20T03:00:00Z","expected_by":null,"sandbox":false,"refusal":null}',
        ),
        (refund_json(OPEN), OPEN_JSON),
        (
            error_json(InvalidRequest("invalid_text", "Too long.", field="reason")),
            '{"message":"Too long.","code":"invalid_text","retryable":false,'
            '"violations":[{"code":"invalid_text","message":"Too long.","field":"reason"}]}',
        ),
        (
            error_json(PolicyViolated((Violation("not_paid", "Not paid."),))),
            '{"message":"Not paid.","code":"not_paid","retryable":false,'
            '"violations":[{"code":"not_paid","message":"Not paid.","field":""}]}',
        ),
        (error_json(RefundError("Broken.")), '{"message":"Broken.","code":"refund_error","retryable":false}'),
        (
            error_json(RefundRefused("No.", OPEN)),
            f'{{"message":"No.","code":"refused_by_gateway","retryable":false,"refund":{OPEN_JSON},'
            '"refusal":{"class":"other","next_step":""}}',
        ),
    ],
)
def test_answers_are_written_to_the_byte(written: Json, expected: str) -> None:
    assert JSONRenderer().render(written).decode() == expected
