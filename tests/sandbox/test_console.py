"""The console page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests

from tests.sandbox.conftest import Cancel
from tests.sandbox_server import SandboxServer

TEMPLATES = Path(__file__).resolve().parents[2] / "sandbox" / "server" / "templates" / "sandbox"


@pytest.fixture
def browser(sandbox: SandboxServer) -> Browser:
    return Browser(sandbox.url)


class Browser:
    """A minimal browser that keeps the cookie and sends the form's CSRF token."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()

    def get(self, path: str) -> str:
        answer = self.session.get(f"{self.url}{path}", timeout=10)
        assert answer.status_code == 200
        return answer.text

    def post(self, path: str, **fields: str) -> requests.Response:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        assert found is not None
        body = {"csrfmiddlewaretoken": found[1], **fields}
        return self.session.post(f"{self.url}{path}", data=body, timeout=10)


def test_payments_can_be_searched(sandbox: SandboxServer, browser: Browser) -> None:
    sandbox.create_payments([{"imp_uid": "imp_1"}, {"imp_uid": "imp_2", "buyer_name": "김철수"}])

    assert "imp_1" in browser.get("/")
    assert "imp_1" not in browser.get("/console/?q=김철수")


def test_payment_is_cancelled_in_the_console(sandbox: SandboxServer, browser: Browser) -> None:
    payment = sandbox.create_payment()
    page = f"/console/payments/{payment['imp_uid']}/"

    done = browser.post(page, action="cancel", amount="3000", reason="전화 요청")
    too_much = browser.post(page, action="cancel", amount="7001")

    assert "전화 요청" in done.text
    assert (too_much.status_code, "미정산" in too_much.text) == (400, True)
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 3_000


@pytest.mark.parametrize(("action", "moved"), [("settle", 10_000), ("refuse", 0)])
def test_pending_cancel_is_ended_in_the_console(
    sandbox: SandboxServer, cancel: Cancel, browser: Browser, action: str, moved: int
) -> None:
    payment = sandbox.create_payment(pg_provider="paypal_v2")
    cancel(imp_uid=payment["imp_uid"])

    browser.post(f"/console/payments/{payment['imp_uid']}/", action=action)

    found = sandbox.payment(payment["imp_uid"])
    assert (found["cancel_amount"], found["pending_cancels"]) == (moved, [])


def test_faults_are_switched_on_and_off(sandbox: SandboxServer, browser: Browser) -> None:
    page = browser.post("/console/faults/", endpoint="cancel", fault="hang", times="2", seconds="0.5")
    [rule] = sandbox.faults()
    assert "The answer comes late" in page.text
    assert (rule["fault"], rule["times"]) == ("hang", 2)

    assert browser.post("/console/faults/", endpoint="cancel", fault="explode").status_code == 400
    browser.post("/console/faults/", remove=str(rule["id"]))
    assert sandbox.faults() == []


def test_a_common_fault_is_one_press_and_all_are_switched_off_by_another(
    sandbox: SandboxServer, cancel: Cancel, browser: Browser
) -> None:
    pressed = re.findall(r'name="preset" value="(\w+)"', browser.get("/console/faults/"))
    pages = [browser.post("/console/faults/", preset=name).text for name in pressed]
    assert [len(re.findall("Switch off<", page)) for page in pages] == list(range(1, len(pressed) + 1))
    assert {"drop_after", "refuse", "accept_later"} < {rule["fault"] for rule in sandbox.faults()}

    browser.post("/console/faults/", remove="all")
    assert cancel(imp_uid=sandbox.create_payment()["imp_uid"])["code"] == 0


def test_the_console_speaks_one_language() -> None:
    pages = [page.read_text(encoding="utf-8") for page in TEMPLATES.glob("*.html")]
    assert {word for page in pages for word in re.findall("[가-힣]+", page)} == {"관리자페이지취소"}  # i'mport's own


def test_untidiness_is_switched_on_and_off(sandbox: SandboxServer, browser: Browser) -> None:
    page = browser.post("/console/quirks/", quirk="clock_shift", seconds="-65", times="2")
    [quirk] = sandbox.quirks()

    assert "The clocks differ" in page.text
    assert (quirk["quirk"], quirk["seconds"], quirk["times"]) == ("clock_shift", -65, 2)
    assert browser.post("/console/quirks/", quirk="gravity").status_code == 400
    browser.post("/console/quirks/", remove=str(quirk["id"]))
    assert sandbox.quirks() == []


def test_cancel_is_undone_in_the_console(sandbox: SandboxServer, browser: Browser) -> None:
    payment = sandbox.create_payment(cancel_amount=4_000)

    browser.post(f"/console/payments/{payment['imp_uid']}/", action="take_back", amount="1500", status="paid")

    found = sandbox.payment(payment["imp_uid"])
    assert (found["cancel_amount"], found["status"]) == (2_500, "paid")


def test_log_shows_calls(sandbox: SandboxServer, cancel: Cancel, browser: Browser) -> None:
    cancel(imp_uid="imp_unknown")

    assert "imp_unknown" in browser.get("/console/log/")


def test_form_from_another_site_is_refused(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment()

    answer = requests.post(
        f"{sandbox.url}/console/payments/{payment['imp_uid']}/", data={"action": "cancel"}, timeout=10
    )

    assert answer.status_code == 403
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 0
