"""Measure what a browser loads for the payment list, from a production server, with nothing in its cache."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Page, Response

from tests.factories import make_payment, make_staff
from tests.production import ROOT, environment, running_web
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST_REQUESTS = 15
MOST_BYTES = 500 * 1024
SIZES = ("responseHeadersSize", "responseBodySize")


@pytest.fixture
def production(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]], tmp_path: Path
) -> dict[str, str]:
    """Collect the static files; return the environment of a server that uses them."""
    ours = child_environment()
    settings = environment(ours["DATABASE_URL"], sandbox, tmp_path) | {"SECRET_KEY": ours["SECRET_KEY"]}
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=settings, check=True)
    return settings


def load_cold(page: Page, url: str) -> list[Response]:
    """Open this page with an empty cache; return every answer that it needed."""
    answers: list[Response] = []
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.on("response", lambda answer: answers.append(answer))
    page.goto(url, wait_until="networkidle")
    return answers


def test_the_payment_list_is_light(page: Page, production: dict[str, str], tmp_path: Path) -> None:
    client = Client()
    client.force_login(make_staff("refund_payment", "view_payment"))
    for _row in range(30):
        make_payment()
    with running_web(production, tmp_path / "web.log") as server:
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        answers = load_cold(page, f"{server.url}/admin/payments/payment/")

    sizes = {answer.url: sum(answer.request.sizes()[part] for part in SIZES) for answer in answers}
    table = "\n".join(f"{size:9,} {url}" for url, size in sorted(sizes.items(), key=lambda each: -each[1]))
    assert len(sizes) <= MOST_REQUESTS, table
    assert sum(sizes.values()) <= MOST_BYTES, table
