"""Every fault: the client's view, and whether money moved."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Cancel
from tests.sandbox_server import SandboxError, SandboxServer


def send_cancel(sandbox: SandboxServer, imp_uid: str, **kwargs: Any) -> requests.Response:
    body = {"imp_uid": imp_uid, "amount": 1_000, "checksum": 10_000}
    return sandbox.api("POST", "payments/cancel", json=body, **kwargs)


@pytest.mark.parametrize(
    ("fault", "status"),
    [("http_500", 500), ("http_502_html", 502), ("http_429", 429), ("not_found", 404), ("expired_token", 401)],
)
def test_http_fault_does_nothing_and_shows_its_status(sandbox: SandboxServer, fault: str, status: int) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("cancel", fault, times=1)

    first = send_cancel(sandbox, payment["imp_uid"])
    moved = sandbox.payment(payment["imp_uid"])["cancel_amount"]
    second = send_cancel(sandbox, payment["imp_uid"])

    assert (first.status_code, moved) == (status, 0)
    assert second.json()["code"] == 0


@pytest.mark.parametrize(("fault", "moved"), [("drop_before", 0), ("drop_after", 1_000)])
def test_dropped_connection_shows_nothing(sandbox: SandboxServer, fault: str, moved: int) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("cancel", fault, times=1)

    with pytest.raises(requests.ConnectionError):
        send_cancel(sandbox, payment["imp_uid"])

    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == moved


def test_truncated_answer_breaks_off_after_the_money_moved(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("cancel", "truncated", times=1)

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        send_cancel(sandbox, payment["imp_uid"])

    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 1_000


@pytest.mark.parametrize(("fault", "text"), [("not_json", "<!doctype html>"), ("empty_body", "")])
def test_unreadable_answer_comes_after_the_money_moved(sandbox: SandboxServer, fault: str, text: str) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("cancel", fault, times=1)

    answer = send_cancel(sandbox, payment["imp_uid"])

    assert answer.status_code == 200
    assert answer.text[:15] == text
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 1_000


@pytest.mark.parametrize(("fault", "moved"), [("refuse", 0), ("refuse_after", 1_000)])
def test_refusal_with_and_without_effect(sandbox: SandboxServer, cancel: Cancel, fault: str, moved: int) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("cancel", fault, times=1, message="카드사 점검")

    answer = cancel(imp_uid=payment["imp_uid"], amount=1_000)

    assert answer == {"code": -1, "message": "카드사 점검", "response": None}
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == moved


def test_accepted_later_has_no_history_item_until_settled(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("cancel", "accept_later", times=1)

    answer = cancel(imp_uid=payment["imp_uid"], amount=1_000)

    assert (answer["code"], answer["response"]["cancel_history"]) == (0, [])
    assert sandbox.settle(payment["imp_uid"])["cancel_amount"] == 1_000


def test_code_zero_with_null_response_after_the_money_moved(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("cancel", "code0_null", times=1)

    answer = cancel(imp_uid=payment["imp_uid"], amount=1_000)

    assert (answer["code"], answer["response"]) == (0, None)
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 1_000


def test_hanging_response_executes_before_the_client_times_out(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("cancel", "hang", times=1, seconds=30)

    with pytest.raises(requests.ReadTimeout):
        send_cancel(sandbox, payment["imp_uid"], timeout=0.5)

    assert eventually(lambda: sandbox.payment(payment["imp_uid"])["cancel_amount"] == 1_000)
    [call] = sandbox.log("cancel")
    assert (call["fault"], call["code"]) == ("hang", None)


def test_call_that_hangs_first_executes_after_the_client_times_out(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("cancel", "hang_before", times=1, seconds=3)

    with pytest.raises(requests.ReadTimeout):
        send_cancel(sandbox, payment["imp_uid"], timeout=0.2)

    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 0
    assert eventually(lambda: sandbox.payment(payment["imp_uid"])["cancel_amount"] == 1_000)


def test_latency_adds_to_another_fault(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("*", "latency", seconds=0.01)
    sandbox.fault("cancel", "http_500")

    assert send_cancel(sandbox, payment["imp_uid"]).status_code == 500
    assert [rule["fired"] for rule in sandbox.faults()] == [2, 1]


def test_fault_for_one_payment_leaves_others_alone(sandbox: SandboxServer, cancel: Cancel) -> None:
    broken = sandbox.create_payment(merchant_uid="order-broken")
    sandbox.create_payment(merchant_uid="order-fine")
    sandbox.fault("cancel", "refuse", imp_uid=broken["imp_uid"])

    assert cancel(merchant_uid="order-fine")["code"] == 0
    assert cancel(merchant_uid="order-broken")["code"] == -1


def test_fault_with_probability_zero_never_happens(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment()
    sandbox.fault("*", "http_500", probability=0)

    assert send_cancel(sandbox, payment["imp_uid"]).status_code == 200


def test_cleared_faults_are_gone(sandbox: SandboxServer) -> None:
    sandbox.fault("*", "http_500")
    sandbox.clear_faults()

    assert sandbox.faults() == []
    assert sandbox.api("GET", "banks").status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": "cancel", "fault": "explode"},
        {"endpoint": "refund", "fault": "hang"},
        {"endpoint": "cancel", "fault": "hang", "times": "often"},
    ],
)
def test_impossible_fault_is_refused(sandbox: SandboxServer, options: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="HTTP 400"):
        sandbox.fault(**options)


def eventually(condition: Any, *, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
