"""i'mport's notifications over real HTTP: their effects, their limits, and the response to each."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from celery import Celery
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError as DatabaseGone
from django.db import connection
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

import config.broker
from config.broker import transport_options
from config.networks import networks
from monitoring.broker import waiting_messages
from payments.gateway import get_gateway
from payments.intake import inbox
from payments.intake.inbox import process_waiting
from payments.intake.tasks import read_notified
from payments.models import Notification, Payment
from refunds.errors import RefundOutcomeUnknown
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.services.refund import request_refund
from tests.factories import paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/webhooks/iamport"
FORM = "application/x-www-form-urlencoded"
SECONDS = 60
IAMPORT_ADDRESS = "52.78.100.19"


def notify(client: Client, imp_uid: str, **fields: str) -> Any:
    body = json.dumps({"imp_uid": imp_uid, "merchant_uid": "order", "status": "paid", **fields})
    return client.post(PATH, body, content_type="application/json")


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def refund(payment: Payment, amount: int = 3_000) -> RefundRecord:
    request = RefundRequest(amount=Decimal(amount), reason="broken")
    return request_refund(payment=payment, request=request, actor=Actor("tester"), source=RefundSource.API)


def nothing_is_waiting() -> bool:
    return not Notification.objects.waiting().exists()


def read_the_rest() -> None:
    """Process all waiting notifications, as after the minimum interval between two fetches."""
    Notification.objects.update(next_attempt_at=timezone.now())
    process_waiting()
    assert nothing_is_waiting()


# --- Effects of a notification ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", FORM])
def test_unknown_payment_is_mirrored(
    eager_worker: None, client: Client, sandbox: SandboxServer, path: str, mark: str, content_type: str
) -> None:
    imp_uid = sandbox.create_payment(amount=5_000)["imp_uid"]
    body = mark + (f"imp_uid={imp_uid}&status=paid" if content_type == FORM else json.dumps({"imp_uid": imp_uid}))

    answer = client.post(path, body, content_type=content_type)

    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    assert Payment.objects.filter(imp_uid=imp_uid, amount=5_000).exists()
    assert nothing_is_waiting()


@pytest.mark.parametrize("webhook_format", ["json", "form"])
def test_console_cancel_reaches_the_ledger(
    eager_worker: None, sandbox: SandboxServer, live_server: LiveServer, webhook_format: str
) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.settings(webhook_url=live_server.url + PATH, webhook_format=webhook_format)

    sandbox.console_cancel(payment.imp_uid, 4_000, "고객 요청")

    wait_for(payment.refunds.filter(source=RefundSource.CONSOLE, cancelled_amount=4_000).exists)
    payment.refresh_from_db()
    assert payment.cancel_amount == 4_000
    wait_for(lambda: sandbox.webhooks()[0]["http_status"] == 200)


def test_pending_refund_is_settled_by_its_notification(
    eager_worker: None, sandbox: SandboxServer, live_server: LiveServer
) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.settings(webhook_url=live_server.url + PATH)
    sandbox.fault("cancel", "accept_later", times=1)
    record = refund(payment)
    assert record.status == RefundStatus.PENDING

    sandbox.settle(payment.imp_uid)

    wait_for(payment.refunds.filter(pk=record.pk, status=RefundStatus.SUCCEEDED, cancelled_amount=3_000).exists)
    assert payment.refunds.count() == 1


def test_unknown_refund_is_settled_by_a_notification(
    eager_worker: None, client: Client, sandbox: SandboxServer
) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_after", times=1)
    with pytest.raises(RefundOutcomeUnknown):
        refund(payment)

    notify(client, payment.imp_uid, status="cancelled")

    assert payment.refunds.filter(status=RefundStatus.SUCCEEDED, source=RefundSource.API).exists()
    assert payment.refunds.count() == 1


def test_duplicates_are_booked_once(eager_worker: None, client: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000)

    answers = [notify(client, payment.imp_uid, status="cancelled").status_code for _ in range(5)]

    assert answers == [200] * 5
    read_the_rest()
    notify(client, payment.imp_uid, status="cancelled")
    read_the_rest()
    payment.refresh_from_db()
    assert (payment.cancel_amount, payment.refunds.count()) == (1_000, 1)


def test_order_does_not_matter_and_the_body_is_not_believed(
    eager_worker: None, client: Client, sandbox: SandboxServer
) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000)

    for status in ("cancelled", "paid", "ready", "failed"):
        notify(client, payment.imp_uid, status=status, amount="1", cancel_amount="9999", merchant_uid="stolen")

    read_the_rest()
    merchant_uid = payment.merchant_uid
    payment.refresh_from_db()
    assert (payment.status, payment.cancel_amount, payment.amount) == ("cancelled", 1_000, 10_000)
    assert payment.merchant_uid == merchant_uid


@pytest.mark.parametrize("comes", [True, False])
def test_a_notification_that_comes_too_early_is_read_again(
    eager_worker: None, client: Client, sandbox: SandboxServer, comes: bool
) -> None:
    assert notify(client, "imp_999999999999").status_code == 200
    assert sandbox.stats()["payment"] <= 2  # the first one may meet an old token
    assert not Payment.objects.exists()
    assert Notification.objects.waiting().exists()

    if comes:
        sandbox.create_payment(imp_uid="imp_999999999999")
    Notification.objects.update(next_attempt_at=timezone.now())
    process_waiting()

    assert Payment.objects.exists() == comes
    assert nothing_is_waiting() == comes


def test_a_change_of_escrow_is_read_like_any_other(eager_worker: None, client: Client, sandbox: SandboxServer) -> None:
    imp_uid = sandbox.create_payment()["imp_uid"]
    extra = {"escrow_status": 4, "changed_at": 1, "denied_reason": "x"}
    body = {"imp_uid": imp_uid, "event": "Inicis.Escrow.Changed", "extra": extra}

    assert client.post(PATH, json.dumps(body), content_type="application/json").status_code == 200

    assert Payment.objects.filter(imp_uid=imp_uid).exists()


# --- Slow, failing or overloaded ----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError("disk full"), OperationalError("no broker")])
def test_a_broker_that_takes_no_message_costs_a_minute_and_no_notification(
    client: Client, sandbox: SandboxServer, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    imp_uid = sandbox.create_payment()["imp_uid"]
    with patch.object(read_notified, "apply_async", side_effect=error):
        assert notify(client, imp_uid).status_code == 200

    assert "could not be enqueued" in caplog.text
    assert process_waiting().read == 1


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_never_answers_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheme: str
) -> None:
    monkeypatch.setattr(config.broker, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}//"
        app = Celery(broker=url, set_as_current=False)
        app.conf.update(broker_transport_options=transport_options(url, tmp_path), broker_connection_timeout=0.2)
        started = time.monotonic()

        with pytest.raises(OperationalError):
            app.send_task("task", retry=False)

    assert time.monotonic() - started < 10


def test_without_a_worker_the_sweep_reads_it(client: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 2_000)
    notify(client, payment.imp_uid)
    payment.refresh_from_db()
    assert payment.cancel_amount == 0

    assert process_waiting().read == 1

    payment.refresh_from_db()
    assert payment.cancel_amount == 2_000
    assert not Notification.objects.exists()


def test_flood_of_one_payment_is_one_message_and_one_reading_at_a_time(
    client: Client, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "SPACING", timedelta(minutes=1))
    imp_uid = sandbox.create_payment()["imp_uid"]
    get_gateway().payments(["imp_none"])  # gets a token that this sandbox knows
    before = sandbox.stats()["payment"]

    assert {notify(client, imp_uid).status_code for _ in range(200)} == {200}
    assert waiting_messages() == 1
    assert Notification.objects.get().notified == 1  # one that waits already costs no write

    read_notified(imp_uid)
    assert {notify(client, imp_uid).status_code for _ in range(200)} == {200}
    assert waiting_messages() == 2
    read_notified(imp_uid)  # too early
    assert sandbox.stats()["payment"] == before + 1
    read_the_rest()
    assert sandbox.stats()["payment"] == before + 2


def test_database_gone_is_503(client: Client) -> None:
    def fail(*_: object) -> None:
        raise DatabaseGone("gone")

    with connection.execute_wrapper(fail):
        answer = notify(client, "imp_1")

    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert nothing_is_waiting()


def test_too_many_waiting_is_503_but_known_ones_are_still_noted(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_WAITING", 1)

    answers = [notify(client, imp_uid) for imp_uid in ("imp_1", "imp_2", "imp_1")]

    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[1].json()["code"] == "too_many_waiting"
    assert answers[1]["Retry-After"] == "60"
    assert [row.imp_uid for row in Notification.objects.all()] == ["imp_1"]


# --- Invalid and unauthorised requests ----------------------------------------------------------------------

JSON = "application/json"
JUNK = [
    ("GET", JSON, b"", 405, "method_not_allowed"),
    ("PUT", JSON, b'{"imp_uid": "imp_1"}', 405, "method_not_allowed"),
    ("DELETE", JSON, b"", 405, "method_not_allowed"),
    ("POST", "text/plain", b'{"imp_uid": "imp_1"}', 415, "unsupported_media_type"),
    ("POST", "multipart/form-data; boundary=x", b"--x--", 415, "unsupported_media_type"),
    ("POST", "", b"imp_uid=imp_1", 415, "unsupported_media_type"),
    ("POST", JSON, b" ", 400, "unreadable"),
    ("POST", JSON, b"{", 400, "unreadable"),
    ("POST", JSON, b"[" * 10_000, 400, "unreadable"),
    ("POST", JSON, b"1" * 10_000, 400, "unreadable"),
    ("POST", JSON, b"NaN", 400, "unreadable"),
    ("POST", JSON, b'["imp_1"]', 400, "unreadable"),
    ("POST", JSON, b"\xff\xfe\x00", 400, "unreadable"),
    ("POST", JSON, b"{}", 400, "invalid_imp_uid"),
    ("POST", JSON, b'{"imp_uid": null}', 400, "invalid_imp_uid"),
    ("POST", JSON, b'{"imp_uid": 1}', 400, "invalid_imp_uid"),
    ("POST", JSON, b'{"imp_uid": ["imp_1"]}', 400, "invalid_imp_uid"),
    ("POST", JSON, b'{"imp_uid": ""}', 400, "invalid_imp_uid"),
    ("POST", JSON, b'{"imp_uid": "imp 1"}', 400, "invalid_imp_uid"),
    ("POST", JSON, b'{"imp_uid": "imp_1\\u0000"}', 400, "invalid_imp_uid"),
    ("POST", JSON, b'{"imp_uid": "imp_1\\n"}', 400, "invalid_imp_uid"),
    ("POST", JSON, b'{"imp_uid": "\\ud800"}', 400, "invalid_imp_uid"),
    ("POST", JSON, '{"imp_uid": "결제"}'.encode(), 400, "invalid_imp_uid"),
    ("POST", JSON, b'{"imp_uid": "%s"}' % (b"x" * 33), 400, "invalid_imp_uid"),
    ("POST", FORM, b" ", 400, "invalid_imp_uid"),
    ("POST", FORM, b"imp_uid=", 400, "invalid_imp_uid"),
    ("POST", FORM, b"imp_uid=%00%ff", 400, "invalid_imp_uid"),
    ("POST", FORM, b"&".join([b"a=1"] * 101), 400, "unreadable"),
    ("POST", JSON, b'{"imp_uid": "imp_1", "a": "%s"}' % (b"x" * 16_384), 413, "too_large"),
]


@pytest.mark.parametrize(("method", "content_type", "body", "status", "code"), JUNK)
def test_junk_is_refused_for_good(
    sandbox: SandboxServer, method: str, content_type: str, body: bytes, status: int, code: str
) -> None:
    answer = Client(enforce_csrf_checks=True).generic(method, PATH, body, content_type=content_type)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]
    assert nothing_is_waiting()
    assert sandbox.stats() == {}


def test_odd_bytes_beside_the_number_do_no_harm(client: Client) -> None:
    body = '{"imp_uid": "imp_1", "name": "상품"}'.encode("euc-kr")

    assert client.post(PATH, body, content_type=JSON).status_code == 200
    assert Notification.objects.get().imp_uid == "imp_1"


@pytest.mark.parametrize(
    ("behind_proxy", "address", "forwarded", "allowed"),
    [
        (False, IAMPORT_ADDRESS, None, True),
        (False, f"::ffff:{IAMPORT_ADDRESS}", None, True),
        (False, "10.1.2.3", None, True),
        (False, "203.0.113.9", None, False),
        (False, "203.0.113.9", IAMPORT_ADDRESS, False),
        (False, "", None, False),
        (True, "127.0.0.1", IAMPORT_ADDRESS, True),
        (True, "127.0.0.1", f"203.0.113.9, {IAMPORT_ADDRESS}", True),
        (True, "127.0.0.1", f"{IAMPORT_ADDRESS}, 203.0.113.9", False),
        (True, "127.0.0.1", "nonsense", False),
        (True, "127.0.0.1", None, False),
    ],
)
def test_only_allowed_addresses_are_heard(
    client: Client,
    settings: Settings,
    behind_proxy: bool,
    address: str,
    forwarded: str | None,
    allowed: bool,
) -> None:
    settings.IAMPORT_WEBHOOK_ALLOWED_IPS = networks("NAME", [IAMPORT_ADDRESS, "10.0.0.0/8"])
    settings.BEHIND_PROXY = behind_proxy
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    answer = client.post(PATH, {"imp_uid": "imp_1"}, content_type=JSON, REMOTE_ADDR=address, headers=headers)

    assert answer.status_code == (200 if allowed else 403)
    assert Notification.objects.exists() is allowed


def test_malformed_allow_list_stops_the_process() -> None:
    with pytest.raises(ImproperlyConfigured, match="NAME is malformed"):
        networks("NAME", ["52.78.100"])


def test_neither_session_nor_csrf_token_is_asked_for() -> None:
    assert notify(Client(enforce_csrf_checks=True), "imp_1").status_code == 200
