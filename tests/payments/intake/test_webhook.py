"""i'mport's notifications over real HTTP: what they settle, what they can never do, and how each is answered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from config.networks import networks
from payments.background import BackgroundThreads
from payments.intake import inbox, webhook
from payments.intake import threads as reading_module
from payments.intake.inbox import process_waiting
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


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[BackgroundThreads]:
    """Reading threads of the test's own, gone when it ends."""
    readings = reading_module.reading_threads()
    monkeypatch.setattr(reading_module, "_readings", readings)
    monkeypatch.setattr(inbox, "SPACING", timedelta(seconds=0.3))
    yield readings
    with readings._changed:
        readings._due.clear()
        readings._changed.notify_all()
    for thread in list(readings._threads):
        thread.join(SECONDS)


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is killed right after each answer."""
    monkeypatch.setattr(webhook, "read_soon", lambda imp_uid: None)


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
    return not Notification.objects.exists()


# --- What a notification brings about -----------------------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", FORM])
def test_unknown_payment_is_mirrored(client: Client, sandbox: SandboxServer, path: str, content_type: str) -> None:
    imp_uid = sandbox.create_payment(amount=5_000)["imp_uid"]
    body = f"imp_uid={imp_uid}&status=paid" if content_type == FORM else json.dumps({"imp_uid": imp_uid})

    answer = client.post(path, body, content_type=content_type)

    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    wait_for(lambda: Payment.objects.filter(imp_uid=imp_uid, amount=5_000).exists())
    wait_for(nothing_is_waiting)


@pytest.mark.parametrize("webhook_format", ["json", "form"])
def test_console_cancel_reaches_the_ledger(
    sandbox: SandboxServer, live_server: LiveServer, webhook_format: str
) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.settings(webhook_url=live_server.url + PATH, webhook_format=webhook_format)

    sandbox.console_cancel(payment.imp_uid, 4_000, "고객 요청")

    wait_for(payment.refunds.filter(source=RefundSource.CONSOLE, cancelled_amount=4_000).exists)
    payment.refresh_from_db()
    assert payment.cancel_amount == 4_000
    wait_for(lambda: sandbox.webhooks()[0]["http_status"] == 200)


def test_pending_refund_is_settled_by_its_notification(sandbox: SandboxServer, live_server: LiveServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.settings(webhook_url=live_server.url + PATH)
    sandbox.fault("cancel", "accept_later", times=1)
    record = refund(payment)
    assert record.status == RefundStatus.PENDING

    sandbox.settle(payment.imp_uid)

    wait_for(payment.refunds.filter(pk=record.pk, status=RefundStatus.SUCCEEDED, cancelled_amount=3_000).exists)
    assert payment.refunds.count() == 1


def test_unknown_refund_is_settled_by_a_notification(client: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_after", times=1)
    with pytest.raises(RefundOutcomeUnknown):
        refund(payment)

    notify(client, payment.imp_uid, status="cancelled")

    wait_for(payment.refunds.filter(status=RefundStatus.SUCCEEDED, source=RefundSource.API).exists)
    assert payment.refunds.count() == 1


def test_duplicates_are_booked_once(client: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000)

    answers = [notify(client, payment.imp_uid, status="cancelled").status_code for _ in range(5)]

    assert answers == [200] * 5
    wait_for(nothing_is_waiting)
    notify(client, payment.imp_uid, status="cancelled")
    wait_for(nothing_is_waiting)
    payment.refresh_from_db()
    assert (payment.cancel_amount, payment.refunds.count()) == (1_000, 1)


def test_order_does_not_matter_and_the_body_is_not_believed(client: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000)

    for status in ("cancelled", "paid", "ready", "failed"):
        notify(client, payment.imp_uid, status=status, amount="1", cancel_amount="9999", merchant_uid="stolen")

    wait_for(nothing_is_waiting)
    merchant_uid = payment.merchant_uid
    payment.refresh_from_db()
    assert (payment.status, payment.cancel_amount, payment.amount) == ("cancelled", 1_000, 10_000)
    assert payment.merchant_uid == merchant_uid


def test_payment_that_iamport_does_not_know_is_forgotten(client: Client, sandbox: SandboxServer) -> None:
    assert notify(client, "imp_999999999999").status_code == 200

    wait_for(nothing_is_waiting)
    assert not Payment.objects.exists()
    assert sandbox.stats()["payment"] <= 2  # the first one may meet an old token


# --- When things are slow, broken or too many ---------------------------------------------------------------


def test_answer_does_not_wait_for_iamport(client: Client, sandbox: SandboxServer) -> None:
    imp_uid = sandbox.create_payment()["imp_uid"]
    sandbox.fault("payment", "hang_before", seconds=3, times=1)

    answer = notify(client, imp_uid)

    assert answer.status_code == 200
    # i'mport is still silent, or not even asked yet.
    assert not Payment.objects.exists()
    wait_for(lambda: sandbox.stats().get("payment"))
    assert notify(client, sandbox.create_payment()["imp_uid"]).status_code == 200
    wait_for(lambda: Payment.objects.count() == 2)


def test_killed_after_the_answer_the_sweep_finishes(client: Client, sandbox: SandboxServer, no_threads: None) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 2_000)
    notify(client, payment.imp_uid)
    payment.refresh_from_db()
    assert payment.cancel_amount == 0

    assert process_waiting(only_due=True).read == 1

    payment.refresh_from_db()
    assert payment.cancel_amount == 2_000
    assert nothing_is_waiting()


def test_flood_of_one_payment_is_one_reading_and_one_more(
    client: Client, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "SPACING", timedelta(minutes=1))
    imp_uid = sandbox.create_payment()["imp_uid"]

    assert {notify(client, imp_uid).status_code for _ in range(200)} == {200}

    wait_for(Payment.objects.filter(imp_uid=imp_uid).exists)
    assert sandbox.stats()["payment"] <= 2  # the first one may meet an old token
    wait_for(lambda: Notification.objects.get().answered)
    assert notify(client, imp_uid).status_code == 200
    assert Notification.objects.get().notified < 200  # one that is owed already costs no write
    process_waiting()
    assert nothing_is_waiting()
    assert sandbox.stats()["payment"] <= 3


def test_database_gone_is_503(client: Client) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("gone")

    with connection.execute_wrapper(fail):
        answer = notify(client, "imp_1")

    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert nothing_is_waiting()


def test_too_many_waiting_is_503_but_known_ones_are_still_noted(
    client: Client, no_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_WAITING", 1)

    answers = [notify(client, imp_uid) for imp_uid in ("imp_1", "imp_2", "imp_1")]

    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[1].json()["code"] == "too_many_waiting"
    assert answers[1]["Retry-After"] == "60"
    assert [row.imp_uid for row in Notification.objects.all()] == ["imp_1"]


# --- Junk and strangers -------------------------------------------------------------------------------------

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


def test_odd_bytes_beside_the_number_do_no_harm(client: Client, no_threads: None) -> None:
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
    no_threads: None,
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


def test_neither_session_nor_csrf_token_is_asked_for(no_threads: None) -> None:
    assert notify(Client(enforce_csrf_checks=True), "imp_1").status_code == 200
