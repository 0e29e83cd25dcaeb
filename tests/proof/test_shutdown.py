"""SIGTERM during work: what has started is finished and settled; what has not is kept for later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from access.tokens.service import create_token
from payments.intake.inbox import process_waiting
from payments.models import Notification
from refunds.models import RefundRecord, RefundStatus
from refunds.tasks import sweep
from tests.entry_points import Request, by_service
from tests.factories import make_staff, paid_at_sandbox
from tests.production import WORKER, running, running_web, wait_for
from tests.proof.test_kill import all_agree
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

SLOW = 5  # seconds until i'mport responds
Environment = Callable[..., dict[str, str]]


def test_stopped_web_server_finishes_its_refund_and_loses_no_notification(
    sandbox: SandboxServer, child_environment: Environment, tmp_path: Path
) -> None:
    payment, notified = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox)
    sandbox.console_cancel(notified.imp_uid, 1_000)
    sandbox.fault("cancel", "latency", times=1, seconds=SLOW)
    _token, secret = create_token(user=make_staff("refund_payment"), name="shop")
    answers: list[requests.Response] = []

    with running_web(child_environment(VAR_DIR=str(tmp_path)), tmp_path / "web.log") as web:

        def refund() -> None:
            body = {"imp_uid": payment.imp_uid}
            headers = {"Authorization": f"Token {secret}"}
            answers.append(requests.post(f"{web.url}/payments/cancel", json=body, headers=headers, timeout=60))

        refunding = threading.Thread(target=refund)
        refunding.start()
        wait_for(lambda: sandbox.log("cancel"), "the refund did not start")
        response = requests.post(f"{web.url}/webhooks/iamport", json={"imp_uid": notified.imp_uid}, timeout=10)
        assert answers == []
        web.terminate()
        exit_code = web.wait()
        refunding.join()

    assert (exit_code, response.status_code) == (0, 200)
    assert answers[0].json()["refund"]["status"] == "succeeded"
    assert RefundRecord.objects.get(payment=payment).status == RefundStatus.SUCCEEDED
    assert Notification.objects.get().imp_uid == notified.imp_uid
    process_waiting()
    assert all_agree(sandbox)


def test_stopped_worker_finishes_its_settlement(
    sandbox: SandboxServer, child_environment: Environment, tmp_path: Path
) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_after", times=1)
    assert by_service(Request(payment=payment, user=make_staff("refund_payment"))).code == "outcome_unknown"
    RefundRecord.objects.update(next_check_at=None)
    before = len(sandbox.log("payment"))
    sandbox.fault("payment", "latency", times=1, seconds=SLOW)
    sweep.delay()

    with running(WORKER, child_environment(), tmp_path / "worker.log") as worker:
        wait_for(lambda: len(sandbox.log("payment")) > before, "the worker does not sweep")
        worker.terminate()
        exit_code = worker.wait()

    assert exit_code == 0
    assert RefundRecord.objects.get().status == RefundStatus.SUCCEEDED
    assert all_agree(sandbox)
