"""i'mport accepts calls and answers none: pages and probes still answer, and staff can still refund."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from access.tokens.service import create_token
from refunds.models import RefundRecord
from tests.factories import make_payment, make_staff
from tests.production import running_web, wait_for
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

REFUNDS, LOOKS = 40, 12
SLOTS = 27  # of one process with 32 threads, without the slot for staff
HANGS = 6  # seconds
SOON = 2  # seconds


def test_pages_and_probes_answer_while_every_call_to_iamport_hangs(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    sandbox.token()
    sandbox.fault("*", "hang", times=None, seconds=HANGS)
    payments = [make_payment() for _ in range(REFUNDS)]
    _token, secret = create_token(user=make_staff("refund_payment", "view_payment"), name="shop")
    headers = {"Authorization": f"Token {secret}"}
    environment = child_environment(DEBUG="true", VAR_DIR=str(tmp_path), IAMPORT_READ_TIMEOUT=str(HANGS))
    codes: Counter[str] = Counter()

    with running_web(environment, tmp_path / "web.log") as web, ThreadPoolExecutor(REFUNDS) as pool:

        def refund(imp_uid: str) -> None:
            answer = requests.post(f"{web.url}/payments/cancel", json={"imp_uid": imp_uid}, headers=headers, timeout=60)
            codes[answer.json()["code"]] += 1

        requested = [pool.submit(refund, payment.imp_uid) for payment in payments]
        wait_for(lambda: codes["busy"] == REFUNDS - SLOTS, f"not turned away: {codes}")
        wait_for(lambda: RefundRecord.objects.count() == SLOTS, "not reserved")
        for path in ("/healthz", "/accounts/login/", f"/payments/{payments[0].imp_uid}"):
            assert sum(_answers_soon(f"{web.url}{path}", headers) for _ in range(LOOKS)) == LOOKS, path
        assert codes.total() == REFUNDS - SLOTS  # the others still hang
        for each in requested:
            each.result()


def _answers_soon(url: str, headers: dict[str, str]) -> bool:
    started = time.monotonic()
    return requests.get(url, headers=headers, timeout=30).ok and time.monotonic() - started < SOON
