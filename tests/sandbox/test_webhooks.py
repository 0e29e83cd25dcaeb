"""Notifications, delivered to a small HTTP server."""

from __future__ import annotations

import json
from queue import Queue
from urllib.parse import parse_qsl

import pytest

from tests.sandbox.conftest import Cancel, Received
from tests.sandbox_server import SandboxServer

Receiver = tuple[str, Queue[Received]]
SECONDS = 60


def test_console_cancel_is_notified_as_json(sandbox: SandboxServer, receiver: Receiver) -> None:
    url, received = receiver
    sandbox.settings(webhook_url=url)
    payment = sandbox.create_payment(merchant_uid="order-1")

    cancelled = sandbox.console_cancel(payment["imp_uid"], 1_000, "고객 요청")

    content_type, body = received.get(timeout=SECONDS)
    assert content_type == "application/json"
    assert json.loads(body) == {
        "imp_uid": payment["imp_uid"],
        "merchant_uid": "order-1",
        "status": "cancelled",
        "cancellation_id": cancelled["cancel_history"][0]["cancellation_id"],
    }
    assert cancelled["cancel_history"][0]["reason"] == "고객 요청"


def test_notification_can_be_a_form(sandbox: SandboxServer, receiver: Receiver) -> None:
    url, received = receiver
    sandbox.settings(webhook_url=url, webhook_format="form")
    payment = sandbox.create_payment()

    sandbox.console_cancel(payment["imp_uid"])

    content_type, body = received.get(timeout=SECONDS)
    assert content_type == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(body.decode()))["imp_uid"] == payment["imp_uid"]


def test_api_cancel_is_notified_only_when_asked_for(sandbox: SandboxServer, cancel: Cancel, receiver: Receiver) -> None:
    url, received = receiver
    sandbox.settings(webhook_url=url)
    silent, loud = sandbox.create_payment(), sandbox.create_payment()

    cancel(imp_uid=silent["imp_uid"])
    cancel(imp_uid=loud["imp_uid"], enable_webhook=True)

    assert json.loads(received.get(timeout=SECONDS)[1])["imp_uid"] == loud["imp_uid"]
    assert len(sandbox.webhooks()) == 1


@pytest.mark.parametrize(("action", "status"), [("settle", "cancelled"), ("refuse", "paid")])
def test_end_of_a_pending_cancel_is_notified(
    sandbox: SandboxServer, cancel: Cancel, receiver: Receiver, action: str, status: str
) -> None:
    url, received = receiver
    sandbox.settings(webhook_url=url)
    payment = sandbox.create_payment(pg_provider="paypal_v2")
    cancel(imp_uid=payment["imp_uid"])

    getattr(sandbox, action)(payment["imp_uid"])

    assert json.loads(received.get(timeout=SECONDS)[1])["status"] == status


def test_virtual_account_is_notified_when_issued_and_paid(sandbox: SandboxServer, receiver: Receiver) -> None:
    url, received = receiver
    sandbox.settings(webhook_url=url)
    body = {"merchant_uid": "order-1", "amount": 5_000, "vbank_code": "088", "vbank_holder": "상점"}

    issued = sandbox.api("POST", "vbanks", json=body).json()["response"]
    first = json.loads(received.get(timeout=SECONDS)[1])
    paid = sandbox.pay(issued["imp_uid"])
    second = json.loads(received.get(timeout=SECONDS)[1])

    assert (issued["status"], issued["vbank_name"]) == ("ready", "신한은행")
    assert (first["status"], second["status"], paid["status"]) == ("ready", "paid", "paid")


def test_notification_can_be_sent_again(sandbox: SandboxServer, receiver: Receiver) -> None:
    url, received = receiver
    sandbox.settings(webhook_url=url)
    sandbox.console_cancel(sandbox.create_payment()["imp_uid"])
    first = received.get(timeout=SECONDS)

    sandbox.resend_webhook(sandbox.webhooks()[0]["id"])

    assert received.get(timeout=SECONDS) == first


def test_nothing_is_sent_without_an_address(sandbox: SandboxServer) -> None:
    sandbox.console_cancel(sandbox.create_payment()["imp_uid"])

    assert sandbox.webhooks() == []


def test_notification_is_sent_on_demand_to_the_payments_own_address(sandbox: SandboxServer, receiver: Receiver) -> None:
    url, received = receiver
    payment = sandbox.create_payment(notice_url=url)
    sandbox.patch(payment["imp_uid"], status="failed")

    sandbox.notify(payment["imp_uid"])

    assert json.loads(received.get(timeout=SECONDS)[1])["status"] == "failed"


def test_api_cancel_of_a_payment_without_webhooks_is_not_notified(
    sandbox: SandboxServer, cancel: Cancel, receiver: Receiver
) -> None:
    sandbox.settings(webhook_url=receiver[0])
    payment = sandbox.create_payment(uses_webhook=False)

    cancel(imp_uid=payment["imp_uid"], enable_webhook=True)

    assert sandbox.webhooks() == []
