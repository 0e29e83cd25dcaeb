"""Schemathesis, with all its checks, against a real server: every response matches the API description."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.tokens.service import create_token
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.api.lists.pagination import write_cursor
from tests.factories import make_staff, make_user
from tests.proof.web_server import running_web_server
from tests.sandbox_server import SandboxServer

# Independent of the database, so it runs on one only.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres, pytest.mark.timeout(3600)]

ORDERS = 30
CONFIG = Path(__file__).with_name("schemathesis.toml")
# Per operation and phase, with a fixed seed; CONTRACT_EXAMPLES=2000 runs more, with a new seed each time.
EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "")


def session_of(user: User) -> dict[str, str]:
    """Return the headers of a signed-in browser: session cookie and CSRF token."""
    client = Client()
    client.force_login(user)
    client.get("/api/docs")
    cookies = {name: cookie.value for name, cookie in client.cookies.items()}
    text = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return {"Cookie": text, "X-CSRFToken": cookies["csrftoken"]}


def token_of(user: User) -> dict[str, str]:
    return {"Authorization": f"Token {create_token(user=user, name='contract')[1]}"}


# Each role, and the schemathesis phases that are useful for it.
ASKERS: dict[str, tuple[Callable[[User], dict[str, str]], str]] = {
    "anonymous": (lambda _buyer: {}, "examples,coverage"),
    "buyer's session": (session_of, "examples,fuzzing"),
    "staff's session": (lambda _buyer: session_of(make_staff("refund_payment")), "examples,fuzzing"),
    "token": (token_of, "examples,coverage,fuzzing,stateful"),
}


def make_orders(sandbox: SandboxServer, buyer: User) -> None:
    """Create the orders named in the description's examples and schemathesis.toml, with a large refundable amount."""
    methods = itertools.cycle(("card", "card", "trans", "vbank", "naverpay"))
    orders = [
        {"merchant_uid": f"ORDER-{number}", "imp_uid": f"imp_{number:012}", "pay_method": method, "amount": 100_000_000}
        for number, method in zip(range(1, ORDERS + 1), methods, strict=False)
    ]
    list(sync_by_id([made["imp_uid"] for made in sandbox.create_payments(orders)]))
    Payment.objects.update(user=buyer)


def schemathesis(folder: Path, url: str, headers: dict[str, str], phases: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run"]
    command += [f"{url}/api/schema?format=json", "--url", url, "--phases", phases, "--max-examples", EXAMPLES or "10"]
    command += ["--generation-database", "none"] if EXAMPLES else ["--generation-deterministic"]
    # One thread: Python 3.11's parser fails if two threads describe strategies at the same time.
    command += ["--workers", "1", "--continue-on-failure", "--no-color"]
    if "Cookie" in headers:
        # An invalid `Authorization` header beside a valid session proves nothing: a proxy may need its own. The
        # description names tokens only: sessions are for the shop's own pages.
        command += ["--generation-with-security-parameters", "false", "--exclude-checks", "ignored_auth"]
    command += [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    environment = os.environ | {"CURSOR": write_cursor(datetime(2899, 12, 31, tzinfo=UTC), 1)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_api_responses_match_the_description_for_every_role(
    sandbox: SandboxServer,
    child_environment: Callable[..., dict[str, str]],
    tmp_path: Path,
    subtests: pytest.Subtests,
) -> None:
    buyer, log = make_user(), tmp_path / "web.log"
    make_orders(sandbox, buyer)
    with running_web_server(child_environment(), log, workers=2) as url:
        for asker, (sign_in, phases) in ASKERS.items():
            with subtests.test(asker=asker):
                done = schemathesis(tmp_path, url, sign_in(buyer), phases)
                assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
                assert re.search(r"Selected: (\d+)/\1\n", done.stdout)

    assert "Traceback" not in log.read_text(errors="replace")
