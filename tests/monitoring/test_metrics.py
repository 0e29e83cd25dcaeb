"""`/metrics`: who may read it, what it counts, and that it never stands in a refund's way."""

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
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from monitoring import collectors, histograms
from monitoring.histograms import Histogram
from monitoring.models import recall, remember
from payments.intake.inbox import add_notification
from refunds import tally as tallies
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.tally import tally
from refunds.tasks import sweep
from tests.entry_points import Ask, by_api, by_service, run_command
from tests.factories import make_payment, make_staff, paid_at_sandbox
from tests.monitoring.brokers import broker
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-prometheus"


@pytest.fixture(autouse=True)
def metrics_on(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.METRICS_TOKEN, settings.VAR_DIR = TOKEN, tmp_path
    yield
    histograms._numbers = None


def scrape(client: Client) -> dict[str, Metric]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(answer.content.decode())}


def value(client: Client, name: str, **labels: str) -> float | None:
    """The sample of this name and these labels (others may be there); summed, None if there is none."""
    found = [
        sample.value
        for family in scrape(client).values()
        for sample in family.samples
        if sample.name == f"refund_desk_{name}" and labels.items() <= sample.labels.items()
    ]
    return sum(found) if found else None


@pytest.mark.parametrize("token", ["", TOKEN])
def test_without_the_setting_there_is_no_such_page(client: Client, settings: Settings, token: str) -> None:
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 404


@pytest.mark.parametrize("header", ["", TOKEN, f"Token {TOKEN}", "Bearer", "Bearer x", "Bearer ü", f"Bearer {TOKEN}x"])
def test_another_token_is_refused(client: Client, header: str) -> None:
    answer = client.get("/metrics/", headers={"Authorization": header})

    assert (answer.status_code, answer["WWW-Authenticate"], answer.content) == (401, "Bearer", b"")


def test_refunds_are_counted_by_outcome_source_and_method(client: Client, sandbox: SandboxServer) -> None:
    staff, payment = make_staff("refund_payment"), paid_at_sandbox(sandbox)
    by_service(Ask(payment=payment, user=staff, amount=1_000))
    by_api(Ask(payment=payment, user=staff, amount=2_000))
    sandbox.fault("cancel", "refuse", times=1)
    by_api(Ask(payment=payment, user=staff, amount=3_000))

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


def test_what_waits_is_counted_with_the_age_of_the_oldest(client: Client) -> None:
    past = timezone.now() - timedelta(hours=2)
    record(status=RefundStatus.UNKNOWN, requested_at=past, needs_review=True)
    add_notification(imp_uid="imp_1")

    assert value(client, "refunds_open", status="unknown") == 1
    assert value(client, "refunds_open", status="pending") == 0
    assert 7_200 <= (value(client, "refunds_open_oldest_seconds") or 0) < 7_260
    assert value(client, "refunds_needing_review") == 1
    assert value(client, "readings_owed") == 1
    assert 0 <= (value(client, "readings_owed_oldest_seconds") or 0) < 60


def test_the_last_sweep_is_told_so_that_a_dead_worker_is_noticed(client: Client) -> None:
    assert value(client, "last_sweep_timestamp_seconds") is None
    sweep()
    assert abs((value(client, "last_sweep_timestamp_seconds") or 0) - timezone.now().timestamp()) < 60


def test_messages_waiting_for_a_worker_are_counted(client: Client) -> None:
    with patch.object(collectors._waiting, "_fresh_for", 0), current_app.connection_for_write() as connection:
        before = value(client, "queue_messages") or 0
        sweep.delay()
        assert value(client, "queue_messages") == before + 1
        connection.default_channel.queue_purge(current_app.conf.task_default_queue)
        assert value(client, "queue_messages") == 0


def test_messages_at_a_service_are_counted_too(client: Client) -> None:
    with (
        patch.object(collectors._waiting, "_fresh_for", 0),
        broker(broker_transport_options={}, broker_write_url="memory://"),
        current_app.connection_for_write() as connection,
    ):
        assert value(client, "queue_messages") == 0
        with connection.SimpleQueue(current_app.conf.task_default_queue) as queue:
            queue.put("a message")
            assert value(client, "queue_messages") == 1
            queue.clear()


def test_calls_to_iamport_of_every_process_add_up_even_if_it_was_killed(
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
    by_service(Ask(payment=make_payment(), user=make_staff("refund_payment")))  # i'mport does not know it

    assert value(client, "gateway_call_seconds_count", endpoint="cancel", outcome="ok") == 2
    assert value(client, "gateway_call_seconds_count", endpoint="cancel", outcome="refused") == 1
    assert value(client, "gateway_call_seconds_count", endpoint="payment") == 3  # two mirrors', and after the refusal
    assert len(list((settings.VAR_DIR / "metrics").glob("histogram_*.db"))) == 2  # this process, and all that ended


def test_labels_hold_no_order_number_and_nothing_that_anybody_can_make_up(
    client: Client, sandbox: SandboxServer
) -> None:
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


def test_a_part_that_fails_takes_no_other_along(client: Client) -> None:
    with patch("refunds.metrics.tally", side_effect=DatabaseError("gone")):
        assert value(client, "collector_up", part="refunds") == 0
        assert value(client, "readings_owed") == 0
    assert value(client, "collector_up") == 4


def test_a_scrape_during_a_scrape_is_put_off(client: Client) -> None:
    with collectors._at_work:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("trouble", ["a file in the place of the folder", "no room left"])
def test_metrics_that_cannot_be_written_fail_no_refund(
    sandbox: SandboxServer, settings: Settings, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_at_sandbox(sandbox)
    histograms._numbers = None
    if trouble == "no room left":
        monkeypatch.setattr("monitoring.numbers.os.pwrite", _no_room)
    else:
        settings.VAR_DIR = settings.VAR_DIR / "file"
        settings.VAR_DIR.touch()

    assert run_command("refund", payment.imp_uid)[0] == 0
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 10_000


def _no_room(*_args: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_damaged_file_of_an_ended_process_is_left_out(client: Client, settings: Settings) -> None:
    Histogram("refund_desk_test_seconds", "A test.", (), (1.0,)).observe(0.5)
    (settings.VAR_DIR / "metrics" / "histogram_broken.db").write_bytes(b"\xff" * 40)

    assert value(client, "test_seconds_count") == 1
    assert value(client, "test_seconds_count") == 1


# --- The tally of refunds -----------------------------------------------------------------------------------


def record(**fields: object) -> RefundRecord:
    long_ago = timezone.now() - timedelta(days=1)
    made: dict[str, object] = {
        "payment": make_payment(),
        "status": RefundStatus.SUCCEEDED,
        "source": RefundSource.API,
        "amount": 100,
        "checksum": 10_000,
        "requested_at": long_ago,
        **fields,
    }
    if made["status"] == RefundStatus.SUCCEEDED:
        made = {"cancelled_amount": made["amount"], "settled_at": long_ago, **made}
    return RefundRecord.objects.create(**made)


def total() -> int:
    counted = tally()
    assert counted is not None
    return sum(sums.refunds for sums in counted.values())


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember every refund at once, in small steps."""
    monkeypatch.setattr(tallies, "WORTH_REMEMBERING", 1)
    monkeypatch.setattr(tallies, "CHUNK", 3)


def test_what_was_counted_once_is_not_read_again(eager: None) -> None:
    for _ in range(10):
        record()
    assert total() == 10
    with patch.object(tallies, "_count_up_to") as count:
        assert total() == 10
    count.assert_not_called()


def test_a_refund_that_ends_after_later_ones_were_counted_is_counted_then(eager: None) -> None:
    waiting = record(status=RefundStatus.UNKNOWN)
    for _ in range(5):
        record()
    assert total() == 5
    RefundRecord.objects.filter(pk=waiting.pk).update(
        status=RefundStatus.SUCCEEDED, cancelled_amount=100, settled_at=timezone.now()
    )
    assert total() == 6
    for _ in range(5):
        record()
    assert total() == 11
    assert total() == 11


def test_the_newest_refunds_are_counted_anew_each_time(eager: None) -> None:
    # A transaction that is still open may have been given a lower id.
    for _ in range(3):
        record(settled_at=timezone.now())
    assert total() == 3
    assert tallies.recall(tallies.NAME).version == 0


def test_a_long_history_is_counted_over_several_scrapes_and_told_when_it_is_whole(
    eager: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "BUDGET", -1)
    for _ in range(12):
        record()

    seen = [value(client, "refunds_total") for _ in range(5)]

    assert seen == [None, None, 12, 12, 12]


def test_two_scrapes_at_once_count_nothing_twice(eager: None) -> None:
    for _ in range(4):
        record()
    stale = tallies.recall(tallies.NAME)
    assert total() == 4
    with patch.object(tallies, "recall", return_value=stale):
        assert total() == 4
    assert total() == 4


@pytest.mark.parametrize("before", [0, 1])
def test_of_two_that_remember_at_once_the_slower_one_puts_nothing_back(before: int) -> None:
    for _ in range(before):
        remember(recall("test"), {"upto": 1})
    faster, slower = recall("test"), recall("test")

    assert remember(faster, {"upto": 3})
    assert not remember(slower, {"upto": 2})
    assert recall("test").data == {"upto": 3}
