"""A batch whose workers, broker and web server are killed (`kill -9`) while i'mport fails in every known way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from chaos.batch_storm import BatchStorm
from chaos.brokers import FolderBroker
from chaos.world import WebServer, World
from tests.proof.own_postgres import free_port
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

ORDERS = 120  # python -m chaos --batch 1000 takes more
LEASE, READ_TIMEOUT = "10", "1.5"  # seconds
AT_A_TIME = "4"  # so that few orders wait for the claims of a killed worker


def test_batch_is_exact_after_kills_of_all_its_processes(
    sandbox: SandboxServer,
    child_environment: Callable[..., dict[str, str]],
    settings: Settings,
    tmp_path: Path,
) -> None:
    settings.REFUND_LEASE_SECONDS = float(LEASE)
    environment = child_environment(
        DEBUG="true",
        REFUND_LEASE_SECONDS=LEASE,
        IAMPORT_CONNECT_TIMEOUT="1",
        IAMPORT_READ_TIMEOUT=READ_TIMEOUT,
        BULK_CONCURRENCY=AT_A_TIME,
    )
    web = WebServer(environment, free_port(), tmp_path / "web.log")
    broker = FolderBroker(settings.VAR_DIR / "broker")
    storm = BatchStorm(World(sandbox, web, environment, None), broker, orders=ORDERS, seed=11, is_impatient=True)

    finding = storm.run()

    assert vars(finding) == {name: [] for name in vars(finding)}
    assert len(storm.done_at_kills) == 7
    assert storm.done_at_kills[-1] < ORDERS
    assert storm.counts.total == storm.counts.done == ORDERS
