"""A batch of refunds in a real web server and real workers: one is stopped in the middle, one is killed (`kill -9`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from django.test import Client
from pytest_django import Settings

from monitoring.worker import worker_last_seen
from payments.models import Payment
from refunds.batches.claims import free_items, open_batches
from refunds.models import RefundBatch, RefundBatchItem, RefundRecord
from refunds.tasks import run_batches
from tests.admin_pages import confirmation, states
from tests.factories import make_staff, paid_at_sandbox
from tests.production import WORKER, Server, running, running_web, wait_for
from tests.proof.test_kill import all_agree
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS, AT_A_TIME = 24, 4
MESSAGES = 12  # more than a worker has threads for its tasks
SLOW = 1.0  # seconds that i'mport takes for a refund
LEASE, READ_TIMEOUT = "12", "5"  # seconds; a busy machine is slow


def press(client: Client, web: Server, orders: list[Payment]) -> tuple[requests.Session, requests.Response]:
    """Request the refund of these orders at a web server. Return the session and the result page."""
    page = confirmation(client, *orders)
    session = requests.Session()
    session.trust_env = False
    session.cookies.set("sessionid", client.cookies["sessionid"].value)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', session.get(web.url + page.url).text)
    assert token
    form = {"csrfmiddlewaretoken": token[1], "token": page.token, "do": "refund"}
    for order in orders:
        form |= {f"p{order.pk}-selected": "on", f"p{order.pk}-expected_balance": page.shown_balance(order)}
    return session, session.post(web.url + page.url, form)


def refunded() -> int:
    return RefundBatchItem.objects.exclude(refund=None).count()


def test_batch_of_a_stopped_and_of_a_killed_worker_is_refunded_once(
    sandbox: SandboxServer,
    child_environment: Callable[..., dict[str, str]],
    settings: Settings,
    tmp_path: Path,
) -> None:
    settings.REFUND_LEASE_SECONDS = float(LEASE)
    environment = child_environment(
        DEBUG="true",
        REFUND_LEASE_SECONDS=LEASE,
        IAMPORT_READ_TIMEOUT=READ_TIMEOUT,
        BULK_CONCURRENCY=str(AT_A_TIME),
    )
    orders = [paid_at_sandbox(sandbox) for _ in range(ORDERS)]
    client = Client()
    client.force_login(make_staff("refund_payment", "view_payment"))
    logs = [tmp_path / name for name in ("stopped.log", "killed.log", "last.log")]
    sandbox.fault("cancel", "latency", seconds=SLOW)

    with running_web(environment, tmp_path / "web.log") as web:
        session, result = press(client, web, orders)
        assert set(states(result.text).values()) == {"waiting"}
        for _ in range(MESSAGES):
            run_batches.delay()

        with running(WORKER, environment, logs[0]) as stopped:
            wait_for(lambda: len(sandbox.log("cancel")) > AT_A_TIME, "the worker does not refund")
            wait_for(worker_last_seen, "the sweep waits for the batch")
            assert open_batches().exists()
            stopped.terminate()
            assert stopped.wait() == 0
        begun = len(sandbox.log("cancel"))
        assert begun == refunded() < ORDERS - AT_A_TIME
        assert free_items().count() == ORDERS - begun

        with running(WORKER, environment, logs[1]) as killed:
            # All of them wait for i'mport: what was not sent yet would be given up, and not be refunded.
            wait_for(lambda: len(sandbox.log("cancel")) == begun + AT_A_TIME, "nobody continues the stopped batch")
            killed.process.kill()
        assert begun == refunded()
        wait_for(lambda: free_items().count() == ORDERS - refunded(), "the claims of the killed worker do not end")
        with running(WORKER, environment, logs[2]):
            wait_for(lambda: not RefundBatch.objects.filter(finished_at=None), "nobody continues the killed batch")
            wait_for(lambda: not RefundRecord.objects.live(), "nobody settles the interrupted refunds")
        result = session.get(result.url)

    assert not RefundBatchItem.objects.exclude(error_code="").values_list("error_code", "message")
    assert set(states(result.text).values()) == {"refunded"}
    assert sorted(call["imp_uid"] for call in sandbox.log("cancel")) == sorted(order.imp_uid for order in orders)
    assert all_agree(sandbox)
    assert "locked" not in "".join(log.read_text() for log in logs)
