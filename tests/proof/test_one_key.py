"""Many identical parallel requests with one `Idempotency-Key`, to a real server with several processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from access.tokens.service import create_token
from refunds.models import IdempotentAnswer, RefundRecord
from tests.factories import make_user, paid_at_sandbox
from tests.proof.web_server import running_web_server
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS = 50
CANCEL_SECONDS = 0.5  # long enough for many requests to arrive meanwhile


def at_once(count: int, post: Callable[[], requests.Response]) -> list[requests.Response]:
    answers: list[requests.Response] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        answers.append(post())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.fixture
def url(child_environment: Callable[..., dict[str, str]], tmp_path: Path) -> Iterator[str]:
    with running_web_server(child_environment(), tmp_path / "web.log", workers=2) as url:
        yield url


def test_fifty_parallel_requests_give_one_refund_and_one_response(sandbox: SandboxServer, url: str) -> None:
    ask_fifty_times(sandbox, url, "latency")
    sandbox.reset()
    ask_fifty_times(sandbox, url, "refuse")


def ask_fifty_times(sandbox: SandboxServer, url: str, fault: str) -> None:
    buyer = make_user(fault)
    payment = paid_at_sandbox(sandbox, user=buyer)
    _token, text = create_token(user=buyer, name="shop")
    sandbox.fault("cancel", "latency", seconds=CANCEL_SECONDS)
    if fault != "latency":
        sandbox.fault("cancel", fault, times=1)
    headers = {"Authorization": f"Token {text}", "Idempotency-Key": "order-17-returned", "Connection": "close"}
    body = {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 4000, "reason": "size"}

    def post() -> requests.Response:
        return requests.post(f"{url}/payments/cancel", json=body, headers=headers, timeout=60)

    answers = at_once(REQUESTS, post)
    time.sleep(CANCEL_SECONDS)
    again = [post() for _ in range(5)]

    assert len(sandbox.log("cancel")) == 1
    assert RefundRecord.objects.filter(payment=payment).count() == 1
    assert IdempotentAnswer.objects.filter(refund__payment=payment).count() == 1
    assert len(answers) == REQUESTS
    # No thread was free to wait for i'mport, or the refund was under way: to be asked again with the same key.
    waiting = [answer for answer in answers if answer.status_code in (409, 503)]
    assert {answer.json()["code"] for answer in waiting} <= {"refund_in_progress", "busy"}
    assert all(answer.headers["Retry-After"] for answer in waiting)
    answered = [answer for answer in answers if answer not in waiting]
    first = [answer for answer in answered if "Idempotent-Replayed" not in answer.headers]
    assert len(first) == 1
    assert first[0].status_code == (422 if fault == "refuse" else 200)
    assert {(answer.status_code, answer.content) for answer in (*answered, *again)} == {
        (first[0].status_code, first[0].content)
    }
    assert all(answer.headers["Idempotent-Replayed"] == "true" for answer in again)
    assert payment.refunds.get().status == ("failed" if fault == "refuse" else "succeeded")
