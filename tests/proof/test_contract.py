"""Schemathesis, with all its checks, against a real server: whatever is sent, the API answers as it is described."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.tokens import create_token
from payments.models import Payment
from payments.services import sync_by_id
from tests.factories import make_staff, make_user
from tests.proof.web_server import running_web_server
from tests.sandbox_server import SandboxServer

# What is asked for does not depend on the database, so one of them is enough.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres, pytest.mark.timeout(3600)]

ORDERS = 30
CONFIG = Path(__file__).with_name("schemathesis.toml")
# Per operation and phase; CONTRACT_EXAMPLES=2000 looks longer.
EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "25")


def session_of(user: User) -> dict[str, str]:
    """A signed-in browser: its cookies, and the token against forgeries sent back."""
    client = Client()
    client.force_login(user)
    client.get("/api/docs")
    cookies = {name: cookie.value for name, cookie in client.cookies.items()}
    text = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return {"Cookie": text, "X-CSRFToken": cookies["csrftoken"]}


def token_of(user: User) -> dict[str, str]:
    return {"Authorization": f"Token {create_token(user=user, name='contract')[1]}"}


ASKERS: dict[str, Callable[[User], dict[str, str]]] = {
    "anonymous": lambda _buyer: {},
    "buyer's session": session_of,
    "staff's session": lambda _buyer: session_of(make_staff("refund_payment")),
    "token": token_of,
}


def make_orders(sandbox: SandboxServer, buyer: User) -> None:
    """Those that the description's examples and schemathesis.toml name, with much money left."""
    methods = itertools.cycle(("card", "card", "trans", "vbank", "naverpay"))
    orders = [
        {"merchant_uid": f"ORDER-{number}", "imp_uid": f"imp_{number:012}", "pay_method": method, "amount": 100_000_000}
        for number, method in zip(range(1, ORDERS + 1), methods, strict=False)
    ]
    list(sync_by_id([made["imp_uid"] for made in sandbox.create_payments(orders)]))
    Payment.objects.update(user=buyer)


@pytest.mark.parametrize("asker", ASKERS)
def test_the_api_answers_as_described_whatever_is_sent(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]], tmp_path: Path, asker: str
) -> None:
    buyer = make_user()
    make_orders(sandbox, buyer)
    headers = ASKERS[asker](buyer)

    with running_web_server(child_environment(), tmp_path / "web.log", workers=2) as url:
        command = [Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG, "run"]
        command += [f"{url}/api/schema?format=json", "--url", url, "--max-examples", EXAMPLES, "--no-color"]
        command += ["--workers", "2", "--generation-database", "none", "--continue-on-failure"]
        if "Cookie" in headers:
            # A made-up `Authorization` beside a good session proves nothing: a proxy may ask for one of its own.
            command += ["--generation-with-security-parameters", "false"]
        command += [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
        done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert re.search(r"Tested: +6\b", done.stdout)
    assert "Traceback" not in (tmp_path / "web.log").read_text(errors="replace")
