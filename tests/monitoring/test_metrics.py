"""`/metrics`: authentication and counts; a metrics error never fails a refund."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from celery import current_app
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from prometheus_client import Metric, values
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from monitoring import middleware, multiprocess
from payments.gateway.iamport import metrics as gateway_metrics
from payments.intake.inbox import add_notification
from payments.models import MirrorMark, Payment
from refunds import metrics
from refunds.inputs import Actor
from refunds.models import BuyerNotice, RefundRecord, RefundSource, RefundStatus
from refunds.reconciliation.reconcile import reconcile
from refunds.reconciliation.reversal import accept_reversal
from refunds.tasks import sweep
from tests.entry_points import Request, by_api, by_service, run_command
from tests.factories import make_payment, make_staff, paid_at_sandbox
from tests.monitoring.brokers import broker
from tests.refunds.batches.stored import store_batch, store_order
from tests.sandbox_server import SandboxServer
from webhooks.endpoints import add_endpoint
from webhooks.models import Delivery, Event, EventType

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-prometheus"


@pytest.fixture(autouse=True)
def metrics_on(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.METRICS_TOKEN, settings.VAR_DIR = TOKEN, tmp_path
    forget_numbers()
    monkeypatch.setattr(multiprocess, "_paused_until", 0.0)
    yield
    forget_numbers()


def forget_numbers() -> None:
    """Make this process open its metric files again, as a new process does."""
    for metric in (middleware.REQUESTS, gateway_metrics.CALLS, metrics.ENDED, metrics.AMOUNT, metrics.REVERSED):
        metric._metrics = {}
    values.close_all_multiprocess_files()
    multiprocess._used_folder = None


def scrape(client: Client) -> dict[str, Metric]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(answer.content.decode())}


def value(client: Client, name: str, **labels: str) -> float | None:
    """Return the sum of the samples with this name and at least these labels; None if there are none."""
    found = [
        sample.value
        for family in scrape(client).values()
        for sample in family.samples
        if sample.name == f"refund_desk_{name}" and labels.items() <= sample.labels.items()
    ]
    return sum(found) if found else None


@pytest.mark.parametrize("token", ["", TOKEN])
def test_metrics_answer_404_without_the_setting(client: Client, settings: Settings, token: str) -> None:
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 404


@pytest.mark.parametrize("header", ["", TOKEN, f"Token {TOKEN}", "Bearer", "Bearer x", "Bearer ü", f"Bearer {TOKEN}x"])
def test_wrong_metrics_token_is_rejected(client: Client, header: str) -> None:
    answer = client.get("/metrics/", headers={"Authorization": header})

    assert (answer.status_code, answer["WWW-Authenticate"], answer.content) == (401, "Bearer", b"")


def test_refunds_are_counted_by_outcome_source_and_method(client: Client, sandbox: SandboxServer) -> None:
    staff, payment = make_staff("refund_payment"), paid_at_sandbox(sandbox)
    by_service(Request(payment=payment, user=staff, amount=1_000))
    by_api(Request(payment=payment, user=staff, amount=2_000))
    sandbox.fault("cancel", "refuse", times=1)
    by_api(Request(payment=payment, user=staff, amount=3_000))

    counted = {
        tuple(sample.labels[name] for name in ("outcome", "source", "method", "currency")): sample.value
        for sample in scrape(client)["refund_desk_refunds"].samples
    }

    assert counted == {
        ("succeeded", "admin", "card", "KRW"): 1,
        ("succeeded", "api", "card", "KRW"): 1,
        ("refused_by_gateway", "api", "card", "KRW"): 1,
    }
    assert value(client, "refunded_amount_total", source="api", currency="KRW") == 2_000


def test_what_was_taken_back_is_counted(client: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    by_api(Request(payment=payment, user=make_staff("refund_payment"), amount=3_000))
    sandbox.take_back(payment.imp_uid)
    list(reconcile(payments=Payment.objects.all()))
    assert value(client, "payments_taken_back") == 1
    accept_reversal(payment=payment, actor=Actor("manager"), reason="bank")
    assert value(client, "payments_taken_back") == 0
    assert value(client, "reversed_amount_total", source="api", currency="KRW") == 3_000


def test_open_work_is_counted_with_the_age_of_the_oldest(client: Client) -> None:
    past = timezone.now() - timedelta(hours=2)
    RefundRecord.objects.create(
        payment=make_payment(),
        status=RefundStatus.UNKNOWN,
        source=RefundSource.API,
        amount=100,
        checksum=10_000,
        requested_at=past,
        needs_review=True,
    )
    add_notification(imp_uid="imp_1")
    endpoint, _secret = add_endpoint(name="shop", url="https://shop.example", types=[])
    event = Event.objects.create(type=EventType.PING, created_at=past)
    Delivery.objects.create(event=event, endpoint=endpoint, next_attempt_at=past)
    batch = store_batch()
    store_order(batch)
    store_order(batch, error_code="balance_changed")
    store_order(store_batch(status="done"))
    for status, kind in (("waiting", "refunded"), ("waiting", "late"), ("failed", "refused"), ("skipped", "accepted")):
        told = {"kind": kind, "status": status, "error": "full" if status in ("failed", "skipped") else ""}
        BuyerNotice.objects.create(refund=RefundRecord.objects.get(), next_try_at=past, **told)

    assert [value(client, "notices", status=status) for status in ("waiting", "failed", "skipped")] == [2, 1, None]
    assert value(client, "refunds_open", status="unknown") == 1
    assert value(client, "refunds_open", status="pending") == 0
    assert 7_200 <= (value(client, "refunds_open_oldest_seconds") or 0) < 7_260
    assert value(client, "refunds_needing_review") == 1
    assert value(client, "notifications_waiting") == 1
    assert 0 <= (value(client, "notifications_waiting_oldest_seconds") or 0) < 60
    assert value(client, "deliveries_due") == 1
    assert [value(client, "batches_open", status=status) for status in ("running", "paused")] == [1, 0]
    assert value(client, "batch_orders_waiting") == 1
    assert 7_200 <= (value(client, "deliveries_due_oldest_seconds") or 0) < 7_260


def test_how_far_the_mirror_has_read_is_exported(client: Client) -> None:
    assert value(client, "mirrored_until_timestamp_seconds") is None
    now = timezone.now()
    MirrorMark.objects.create(mirrored_until=now)
    assert value(client, "mirrored_until_timestamp_seconds") == pytest.approx(now.timestamp())


def test_time_of_the_last_sweep_is_exported(client: Client) -> None:
    assert value(client, "last_sweep_timestamp_seconds") is None
    sweep()
    assert abs((value(client, "last_sweep_timestamp_seconds") or 0) - timezone.now().timestamp()) < 60


def test_messages_waiting_for_a_worker_are_counted(client: Client) -> None:
    with current_app.connection_for_write() as connection:
        before = value(client, "queue_messages") or 0
        sweep.delay()
        assert value(client, "queue_messages") == before + 1
        connection.default_channel.queue_purge(current_app.conf.task_default_queue)
        assert value(client, "queue_messages") == 0


def test_messages_of_a_broker_service_are_counted(client: Client) -> None:
    with (
        broker(broker_transport_options={}, broker_write_url="memory://"),
        current_app.connection_for_write() as connection,
    ):
        assert value(client, "queue_messages") == 0
        with connection.SimpleQueue(current_app.conf.task_default_queue) as queue:
            queue.put("a message")
            assert value(client, "queue_messages") == 1
            queue.clear()


@pytest.mark.parametrize(
    ("said", "kind"), [("취소기한이 초과하였습니다", "period_over"), ("처음 보는 문구 12345", "other")]
)
def test_refusals_are_counted_by_class(client: Client, sandbox: SandboxServer, said: str, kind: str) -> None:
    sandbox.fault("cancel", "refuse", message=said, times=1)
    by_service(Request(payment=paid_at_sandbox(sandbox, pg_provider="html5_inicis"), user=make_staff("refund_payment")))
    assert value(client, "refunds_total", outcome="refused_by_gateway", refusal=kind) == 1


def test_calls_to_iamport_of_all_processes_are_summed_even_if_killed(
    client: Client, sandbox: SandboxServer, settings: Settings, child_environment: Callable[..., dict[str, str]]
) -> None:
    payment, other = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox)
    environment = child_environment(VAR_DIR=str(settings.VAR_DIR), METRICS_TOKEN=TOKEN)
    command = [sys.executable, "manage.py", "refund", payment.imp_uid, "--amount", "1000"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    sandbox.fault("cancel", "hang_before", times=1, seconds=3, imp_uid=payment.imp_uid)
    command.insert(3, other.imp_uid)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as killed:
        while len(sandbox.log("cancel")) < 3:
            assert killed.poll() is None
        killed.send_signal(signal.SIGKILL)
    by_service(Request(payment=make_payment(), user=make_staff("refund_payment")))  # unknown at i'mport

    assert value(client, "gateway_call_seconds_count", endpoint="cancel", outcome="ok") == 2
    assert value(client, "gateway_call_seconds_count", endpoint="cancel", outcome="refused") == 1
    assert value(client, "gateway_call_seconds_count", endpoint="payment", outcome="ok") == 2
    assert value(client, "refunds_total", source="command") == 2
    assert len(list((settings.VAR_DIR / "metrics").glob("histogram_*.db"))) == 2  # ours, and the commands' shared


def test_labels_contain_no_order_number_and_no_client_input(client: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, merchant_uid="ORDER-OF-KIM")
    client.force_login(make_staff("refund_payment"))
    client.get("/payments/ORDER-OF-KIM")
    client.get("/payments/ORDER-OF-KIM/refunds/")
    client.get(f"/orders/{payment.imp_uid}")
    client.get("/wp-login.php")
    client.get("/static/../../etc/passwd")
    client.generic("BREW", "/")
    client.get("/healthz")

    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()

    assert "ORDER-OF-KIM" not in answer
    assert payment.imp_uid not in answer
    assert "BREW" not in answer
    requests = scrape(client)["refund_desk_http_request_seconds"].samples
    found = {(sample.labels["method"], sample.labels["route"]) for sample in requests}
    assert found == {
        ("GET", "payments/<number>"),
        ("GET", "payments/<number>/refunds"),
        ("GET", "orders/<str:imp_uid>"),
        ("GET", "-"),
        ("GET", "static"),
        ("OTHER", "/"),
    }


def test_failing_collector_does_not_affect_others(client: Client) -> None:
    with patch("refunds.metrics.worker_last_seen", side_effect=DatabaseError("gone")):
        assert value(client, "collector_up", part="refunds") == 0
        assert value(client, "notifications_waiting") == 0
    assert value(client, "collector_up") == 5


@pytest.mark.parametrize("trouble", ["a file in the place of the folder", "no room left"])
def test_unwritable_metrics_fail_no_refund(
    sandbox: SandboxServer, settings: Settings, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_at_sandbox(sandbox)
    forget_numbers()
    if trouble == "no room left":
        monkeypatch.setattr("pathlib.Path.write_bytes", _no_room)
    settings.VAR_DIR = settings.VAR_DIR / "file"
    if trouble != "no room left":
        settings.VAR_DIR.touch()

    assert run_command("refund", payment.imp_uid)[0] == 0
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 10_000


def _no_room(*_args: object) -> int:
    raise OSError(28, "No space left on device")


def test_damaged_metrics_file_is_ignored_and_replaced(client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path / "after a crash"
    folder = settings.VAR_DIR / "metrics"
    folder.mkdir(parents=True)
    for number in (0, 7):
        (folder / f"histogram_{number}.db").write_bytes(b"\xff" * 40)
    forget_numbers()

    client.get("/wp-login.php")

    assert value(client, "http_request_seconds_count") == 1
