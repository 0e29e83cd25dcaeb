"""Run the programs of docs/api-examples.md, as written there: Python here, JavaScript in a browser."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from playwright.sync_api import Error as ScriptError
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from payments.models import Payment
from refunds.models import RefundRecord
from tests.api_client import make_token
from tests.factories import paid_at_sandbox
from tests.proof.test_handbook import DOCS
from tests.sandbox_server import SandboxServer
from webhooks.signing import new_secret, signed_headers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

FASTER = 40  # than the programs wait: nothing here takes a second
Refund = Callable[[str, int, str], dict[str, Any]]


def program(language: str, url: str, secret: str) -> str:
    text = (DOCS / "api-examples.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join(blocks).replace("http://127.0.0.1:8000", url).replace("rd_...", secret)


@pytest.fixture
def python(live_server: LiveServer) -> dict[str, Any]:
    """Return the names of the Python program."""
    names: dict[str, Any] = {}
    exec(program("python", live_server.url, make_token()[1]), names)  # noqa: S102 - our own document
    names["time"] = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / FASTER), time=time.time)
    return names


@pytest.fixture
def javascript(page: Page, live_server: LiveServer) -> Page:
    """Return an empty page that has loaded the JavaScript program."""
    blank = f"{live_server.url}/blank"
    page.route(blank, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto(blank)
    page.evaluate(f"window.late = window.setTimeout; window.setTimeout = (done, ms) => late(done, ms / {FASTER})")
    page.add_script_tag(content=program("js", live_server.url, make_token()[1]))
    return page


@pytest.fixture(params=["python", "javascript"])
def refund(request: pytest.FixtureRequest) -> Refund:
    if request.param == "python":
        found: Refund = request.getfixturevalue("python")["refund"]
        return found
    page: Page = request.getfixturevalue("javascript")
    return lambda *given: page.evaluate("given => refund(...given)", list(given))


@pytest.fixture
def worker(sandbox: SandboxServer) -> Iterator[None]:
    """Let the PG execute what it accepted, and settle open refunds, as a worker does."""
    stopped = threading.Event()

    def work() -> None:
        while not stopped.wait(0.05):
            for imp_uid in Payment.objects.values_list("imp_uid", flat=True):
                if sandbox.payment(imp_uid)["pending_cancels"]:
                    sandbox.settle(imp_uid)
            with suppress(SystemExit):  # some refund is still open
                call_command("reconcile", stdout=StringIO(), stderr=StringIO())
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stopped.set()
    thread.join()


def order(sandbox: SandboxServer) -> Payment:
    return paid_at_sandbox(sandbox, merchant_uid="maru-2001")


def test_a_refund_is_made_once_per_key_and_a_rejected_one_says_why(sandbox: SandboxServer, refund: Refund) -> None:
    order(sandbox)
    first, again = refund("maru-2001", 4000, "return-17"), refund("maru-2001", 4000, "return-17")
    assert (first["status"], first["number"]) == ("succeeded", again["number"])
    with pytest.raises((ScriptError, Exception), match="₩9,000"):
        refund("maru-2001", 9000, "return-18")
    assert len(sandbox.log("cancel")) == 1


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("fault", ["drop_after", "accept_later"])
def test_an_open_refund_is_polled_to_its_end(sandbox: SandboxServer, refund: Refund, fault: str) -> None:
    order(sandbox)
    sandbox.fault("cancel", fault, times=1)
    assert refund("maru-2001", 4000, "return-17")["status"] == "succeeded"
    assert len(sandbox.log("cancel")) == 1


def test_a_refund_waits_for_another_one_of_the_order(
    sandbox: SandboxServer, refund: Refund, request: pytest.FixtureRequest
) -> None:
    payment = order(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    with pytest.raises(SystemExit):
        call_command("refund", payment.merchant_uid, "--amount", "1000", stdout=StringIO(), stderr=StringIO())
    request.getfixturevalue("worker")
    assert refund("maru-2001", 4000, "return-17")["status"] == "succeeded"
    assert sum(record.amount for record in RefundRecord.objects.all()) == 5000


def test_a_webhook_is_verified(python: dict[str, Any], javascript: Page) -> None:
    body = '{"name":"린넨 셔츠"}'
    new, old, other = new_secret(), new_secret(), new_secret()

    def verdicts(secret: str, text: str, at: Any = None) -> set[bool]:
        headers = signed_headers(
            message_id="evt_1", at=at or timezone.now(), body=body.encode(), secret_texts=[new, old]
        )
        script = "([secret, headers, body]) => isGenuine(secret, headers, body)"
        return {
            python["is_genuine"](secret, headers, text.encode()),
            javascript.evaluate(script, [secret, headers, text]),
        }

    assert verdicts(new, body) == verdicts(old, body) == {True}
    assert verdicts(other, body) == verdicts(new, body + " ") == {False}
    assert verdicts(new, body, timezone.now() - timedelta(minutes=6)) == {False}
