"""A batch of refunds in a real web server and real workers, one of which is killed (`kill -9`) in the middle."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from django.test import Client
from pytest_django import Settings

from refunds.batches.outcomes import open_batches
from refunds.models import RefundBatch, RefundRecord
from refunds.tasks import run_batch
from tests.admin_pages import confirmation, states
from tests.factories import make_staff, paid_at_sandbox
from tests.production import WORKER, running, running_web, wait_for
from tests.proof.test_kill import all_agree
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = 5
SLOW = 0.7  # seconds that i'mport takes for a refund
LEASE, READ_TIMEOUT = "6", "1.5"


def test_batch_of_a_killed_worker_is_refunded_once(
    sandbox: SandboxServer,
    child_environment: Callable[..., dict[str, str]],
    settings: Settings,
    tmp_path: Path,
) -> None:
    settings.REFUND_LEASE_SECONDS = float(LEASE)
    environment = child_environment(DEBUG="true", REFUND_LEASE_SECONDS=LEASE, IAMPORT_READ_TIMEOUT=READ_TIMEOUT)
    orders = [paid_at_sandbox(sandbox) for _ in range(ORDERS)]
    client = Client()
    client.force_login(make_staff("refund_payment", "view_payment"))
    page = confirmation(client, *orders)
    sandbox.fault("cancel", "latency", seconds=SLOW)

    with running_web(environment, tmp_path / "web.log") as web:
        session = requests.Session()
        session.trust_env = False
        session.cookies.set("sessionid", client.cookies["sessionid"].value)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', session.get(web.url + page.url).text)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "token": page.token, "do": "refund"}
        for order in orders:
            form |= {f"p{order.pk}-selected": "on", f"p{order.pk}-expected_balance": page.shown_balance(order)}
        result = session.post(web.url + page.url, form)
        assert set(states(result.text).values()) == {"waiting"}
        batch = RefundBatch.objects.get()
        for _ in range(2):  # doubled messages: only one thread may run the batch
            run_batch.delay(batch.pk)

        with running(WORKER, environment, tmp_path / "killed.log") as worker:
            wait_for(lambda: len(sandbox.log("cancel")) == 3, "the worker does not refund")
            worker.process.kill()
        assert 0 < batch.items.exclude(refund=None).count() < ORDERS
        wait_for(lambda: open_batches().exists(), "the claim of the killed worker does not end")
        with running(WORKER, environment, tmp_path / "worker.log"):
            wait_for(lambda: not RefundBatch.objects.filter(finished_at=None), "nobody continues the batch")
            wait_for(lambda: not RefundRecord.objects.live(), "nobody settles the interrupted refund")
        result = session.get(result.url)

    assert set(states(result.text).values()) == {"refunded"}
    assert not batch.items.exclude(error_code="").exists()
    assert sorted(call["imp_uid"] for call in sandbox.log("cancel")) == sorted(order.imp_uid for order in orders)
    assert all_agree(sandbox)
