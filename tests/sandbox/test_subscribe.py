"""Billing keys, payments by card number, and scheduled payments."""

from __future__ import annotations

from queue import Queue
from typing import Any

import pytest

from tests.sandbox.conftest import NOON, Received
from tests.sandbox_server import JSON, SandboxServer

CARD = {"card_number": "4092-0230-1234-1234", "expiry": "2030-12", "birth": "880101", "pwd_2digit": "00"}
DECLINED = {**CARD, "card_number": "1111-0230-1234-1234"}


def subscribe(sandbox: SandboxServer, path: str, **body: Any) -> JSON:
    answer: JSON = sandbox.api("POST", f"subscribe/{path}", json=body).json()
    return answer


@pytest.mark.parametrize("expiry", ["2026-02", "2020-12"])
def test_expired_card_is_refused_now_and_later(sandbox: SandboxServer, expiry: str) -> None:
    expired = subscribe(sandbox, "customers/c-1", **{**CARD, "expiry": expiry})
    this_month = subscribe(sandbox, "customers/c-1", **{**CARD, "expiry": "2026-03"})
    sandbox.settings(now=NOON + 20 * 24 * 3_600)
    later = subscribe(sandbox, "payments/again", customer_uid="c-1", merchant_uid="order-1", amount=1_000)

    assert [answer["code"] for answer in (expired, this_month, later)] == [-1, 0, -1]
    assert "유효기간" in later["message"]


def test_declined_card_is_a_failed_payment_with_code_zero(sandbox: SandboxServer) -> None:
    subscribe(sandbox, "customers/c-1", **DECLINED)

    answer = subscribe(sandbox, "payments/again", customer_uid="c-1", merchant_uid="order-1", amount=1_000)

    assert (answer["code"], answer["response"]["status"]) == (0, "failed")
    assert answer["response"]["fail_reason"] == "한도초과"


def test_payments_of_a_billing_key_are_listed(sandbox: SandboxServer) -> None:
    subscribe(sandbox, "customers/c-1", **CARD)
    subscribe(sandbox, "payments/again", customer_uid="c-1", merchant_uid="order-1", amount=1_000)

    page = sandbox.api("GET", "subscribe/customers/c-1/payments").json()["response"]

    assert [(found["merchant_uid"], found["customer_uid_usage"]) for found in page["list"]] == [("order-1", "payment")]
    assert sandbox.api("GET", "subscribe/customers/c-2/payments").status_code == 404


def test_several_billing_keys_are_read_at_once(sandbox: SandboxServer) -> None:
    subscribe(sandbox, "customers/c-1", **CARD)

    statuses = [
        sandbox.api("GET", f"subscribe/customers?{query}").status_code
        for query in ("customer_uid[]=c-1", "customer_uid[]=c-1&customer_uid[]=c-2", "customer_uid[]=c-2")
    ]

    assert statuses == [200, 207, 404]


def test_schedule_is_paid_at_its_time(sandbox: SandboxServer, receiver: tuple[str, Queue[Received]]) -> None:
    url, received = receiver
    sandbox.settings(webhook_url=url)
    subscribe(sandbox, "customers/c-1", **CARD)
    order = {"merchant_uid": "order-1", "schedule_at": NOON + 60, "amount": 1_000, "name": "구독"}
    [waiting] = subscribe(sandbox, "payments/schedule", customer_uid="c-1", schedules=[order])["response"]

    sandbox.settings(now=NOON + 60)
    done = sandbox.api("GET", "subscribe/payments/schedule/order-1").json()["response"]

    assert (waiting["schedule_status"], waiting["payment_status"], waiting["imp_uid"]) == ("scheduled", None, None)
    assert (done["schedule_status"], done["payment_status"], done["executed_at"]) == ("executed", "paid", NOON + 60)
    assert sandbox.payment(done["imp_uid"])["customer_uid_usage"] == "payment.scheduled"
    assert b'"paid"' in received.get(timeout=10)[1]


def test_failed_schedule_is_notified_and_tried_again(
    sandbox: SandboxServer, receiver: tuple[str, Queue[Received]]
) -> None:
    url, received = receiver
    sandbox.settings(webhook_url=url)
    form = {"customer_uid": "c-1", **DECLINED, "schedules[0][merchant_uid]": "order-1"}
    form |= {"schedules[0][schedule_at]": str(NOON + 60), "schedules[0][amount]": "1000", "schedules[0][name]": "구독"}
    sandbox.api("POST", "subscribe/payments/schedule", data=form)
    sandbox.settings(now=NOON + 61)
    failed = sandbox.api("GET", "subscribe/payments/schedule/order-1").json()["response"]

    subscribe(sandbox, "customers/c-1", **CARD)
    retried = subscribe(sandbox, "payments/schedule/order-1/retry")

    assert (failed["payment_status"], failed["fail_reason"]) == ("failed", "한도초과")
    assert b'"failed"' in received.get(timeout=10)[1]
    assert retried["response"]["status"] == "paid"
    assert subscribe(sandbox, "payments/schedule/order-1/retry")["code"] == 1


def test_schedules_are_moved_revoked_and_listed(sandbox: SandboxServer) -> None:
    orders = [
        {"merchant_uid": f"order-{n}", "schedule_at": NOON + n * 60, "amount": 1_000, "name": "구독"} for n in (1, 2)
    ]
    subscribe(sandbox, "payments/schedule", customer_uid="c-1", schedules=orders, **CARD)
    moved = sandbox.api("PUT", "subscribe/payments/schedule/order-2", json={"schedule_at": NOON + 900})
    revoked = subscribe(sandbox, "payments/unschedule", customer_uid="c-1", merchant_uid=["order-1"])
    sandbox.settings(now=NOON + 300)

    period = f"from={NOON}&to={NOON + 3_600}"
    listed = sandbox.api("GET", f"subscribe/customers/c-1/schedules?{period}").json()["response"]

    assert moved.json()["response"]["schedule_at"] == NOON + 900
    assert [item["merchant_uid"] for item in revoked["response"]] == ["order-1"]
    assert [(item["merchant_uid"], item["schedule_status"]) for item in listed] == [
        ("order-2", "scheduled"),
        ("order-1", "revoked"),
    ]
    assert sandbox.api("GET", "subscribe/payments/schedule?schedule_from=5&schedule_to=1").status_code == 400
    assert subscribe(sandbox, "payments/unschedule", customer_uid="c-9")["code"] == 1


@pytest.mark.parametrize(
    "order",
    [
        {"merchant_uid": "order-1", "schedule_at": NOON, "amount": 1_000},
        {"merchant_uid": "paid", "schedule_at": NOON + 9, "amount": 1_000},
        {"schedule_at": NOON + 9, "amount": 1_000},
    ],
)
def test_impossible_schedule_is_refused_with_all_others(sandbox: SandboxServer, order: JSON) -> None:
    sandbox.create_payment(merchant_uid="paid")
    good = {"merchant_uid": "order-2", "schedule_at": NOON + 60, "amount": 1_000}

    assert subscribe(sandbox, "payments/schedule", customer_uid="c-1", schedules=[good, order], **CARD)["code"] == 1
    assert sandbox.api("GET", "subscribe/payments/schedule/order-2").status_code == 404
