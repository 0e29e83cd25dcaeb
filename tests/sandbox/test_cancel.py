"""POST /payments/cancel: execution, response, and the checksum under concurrency."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
import requests

from tests.sandbox.conftest import NOON, Cancel
from tests.sandbox_server import SandboxServer


def test_partial_cancel_answers_the_whole_payment_with_a_new_history_item(
    sandbox: SandboxServer, cancel: Cancel
) -> None:
    payment = sandbox.create_payment(amount=10_000)

    answer = cancel(imp_uid=payment["imp_uid"], amount=3_000, checksum=10_000, reason="단순 변심 [R-1]")

    assert answer["code"] == 0
    found = answer["response"]
    assert (found["status"], found["amount"], found["cancel_amount"]) == ("cancelled", 10_000, 3_000)
    [item] = found["cancel_history"]
    assert item["cancellation_id"]
    assert item["receipt_url"]
    assert (item["amount"], item["reason"], item["cancelled_at"]) == (3_000, "단순 변심 [R-1]", NOON)
    assert item["pg_tid"] == payment["pg_tid"]


@pytest.mark.parametrize("body", [{}, {"amount": 0}, {"amount": ""}])
def test_missing_or_zero_amount_cancels_all_that_is_left(
    sandbox: SandboxServer, cancel: Cancel, body: dict[str, object]
) -> None:
    payment = sandbox.create_payment(amount=10_000, cancel_amount=4_000)

    answer = cancel(imp_uid=payment["imp_uid"], **body)

    assert [item["amount"] for item in answer["response"]["cancel_history"]] == [4_000, 6_000]
    assert answer["response"]["cancel_amount"] == 10_000


def test_missing_reason_becomes_the_default_text(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment()

    answer = cancel(imp_uid=payment["imp_uid"])

    assert answer["response"]["cancel_history"][0]["reason"] == "취소요청api"


def test_form_encoded_cancel_with_a_trailing_slash_works(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(merchant_uid="order-1")

    answer = sandbox.api("POST", "payments/cancel/", data={"merchant_uid": "order-1", "amount": "1000"})

    assert answer.json()["code"] == 0
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 1_000


def test_unknown_payment_is_refused(cancel: Cancel) -> None:
    answer = cancel(imp_uid="imp_unknown")

    assert answer == {"code": 1, "message": "취소할 결제건이 존재하지 않습니다.", "response": None}


def test_invalid_imp_uid_fails_whatever_merchant_uid_is(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(merchant_uid="order-1")

    answer = cancel(imp_uid="imp_unknown", merchant_uid="order-1")

    assert answer["code"] == 1
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 0


def test_merchant_uid_shared_with_a_failed_payment_means_the_paid_one(sandbox: SandboxServer, cancel: Cancel) -> None:
    paid = sandbox.create_payment(merchant_uid="order-1")
    sandbox.create_payment(merchant_uid="order-1", status="failed", started_at=NOON + 60)

    answer = cancel(merchant_uid="order-1")

    assert answer["response"]["imp_uid"] == paid["imp_uid"]


def test_full_cancel_cannot_be_repeated(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(cancel_amount=10_000)

    answer = cancel(imp_uid=payment["imp_uid"])

    assert (answer["code"], answer["message"]) == (1, "이미 전액취소된 주문입니다.")


def test_dollar_amounts_keep_their_cents(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(currency="USD", amount="19.99", pg_provider="eximbay")

    answer = sandbox.api(
        "POST", "payments/cancel", data={"imp_uid": payment["imp_uid"], "amount": "5.10", "checksum": "19.99"}
    )

    assert '"cancel_amount": 5.1,' in answer.text
    assert sandbox.payment(payment["imp_uid"])["cancellable"] == Decimal("14.89")


def test_promotion_cancels_less_than_requested(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(amount=10_000, promotion={"id": "promo", "discount": 1_000})

    first = cancel(imp_uid=payment["imp_uid"], amount=5_000, checksum=10_000)
    last = cancel(imp_uid=payment["imp_uid"], amount=5_000, checksum=5_000)

    assert first["response"]["cancel_amount"] == 4_500
    assert last["response"]["cancel_amount"] == 9_000
    assert cancel(imp_uid=payment["imp_uid"])["message"] == "이미 전액취소된 주문입니다."


def test_old_payments_have_no_cancellation_id(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(history_without_ids=True)

    answer = cancel(imp_uid=payment["imp_uid"])

    assert "cancellation_id" not in answer["response"]["cancel_history"][0]
    assert "cancellation_id" not in sandbox.payment(payment["imp_uid"])["cancel_history"][0]


def test_same_checksum_executes_at_most_once_however_often_it_races(sandbox: SandboxServer) -> None:
    rounds = 40
    payments = sandbox.create_payments([{"amount": 10_000}] * rounds)
    token = sandbox.token()

    def send(imp_uid: str) -> int:
        body = {"imp_uid": imp_uid, "amount": 1_000, "checksum": 10_000}
        answer = requests.post(
            f"{sandbox.url}/payments/cancel", json=body, headers={"Authorization": token}, timeout=30
        )
        return int(answer.json()["code"])

    with ThreadPoolExecutor(8) as pool:
        twice = [payment["imp_uid"] for payment in payments for _ in range(2)]
        codes = list(pool.map(send, twice))

    assert sorted(codes) == [0] * rounds + [1] * rounds
    for payment in payments:
        assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 1_000


def test_racing_cancels_without_checksum_never_exceed_the_balance(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(amount=10_000)
    token = sandbox.token()

    def send(_: int) -> int:
        body = {"imp_uid": payment["imp_uid"], "amount": 3_000}
        answer = requests.post(
            f"{sandbox.url}/payments/cancel", json=body, headers={"Authorization": token}, timeout=30
        )
        return int(answer.json()["code"])

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(send, range(16)))

    assert codes.count(0) == 3
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 9_000
