"""Several workers on one machine share a batch, though one message wakes only one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring.worker import worker_last_seen
from refunds.inputs import RefundRequest
from refunds.models import RefundBatch
from refunds.tasks import run_batches
from tests.factories import make_staff, make_started_batch, paid_at_sandbox
from tests.production import MORE_WORKERS, WORKER, running, wait_for
from tests.proof.test_batch_worker import refunded
from tests.proof.test_kill import all_agree
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

AT_A_TIME = 3
SLOW = 3.0  # seconds that i'mport takes for a refund


def test_idle_worker_joins_the_batch_of_another(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    environment = child_environment(DEBUG="true", BULK_CONCURRENCY=str(AT_A_TIME))
    orders = [(paid_at_sandbox(sandbox), RefundRequest()) for _ in range(5 * AT_A_TIME)]
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    with running(MORE_WORKERS, environment, logs[0]), running(WORKER, environment, logs[1]):
        wait_for(worker_last_seen, "no worker runs")
        make_started_batch(make_staff("refund_payment"), orders)
        sandbox.fault("cancel", "latency", seconds=SLOW)
        run_batches.delay()
        # Calls first: a refund that ends between the two readings counts too little, never too much.
        wait_for(lambda: len(sandbox.log("cancel")) - refunded() > AT_A_TIME, "the idle worker does not join")
        wait_for(lambda: RefundBatch.objects.filter(status="done"), "the batch does not end")
    assert len(sandbox.log("cancel")) == len(orders)
    assert all_agree(sandbox)
