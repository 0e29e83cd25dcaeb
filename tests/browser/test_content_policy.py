"""Pages in a real browser: the Content-Security-Policy breaks none of them and blocks injected scripts.

`test_every_page.py` opens the other pages of the admin.
"""

from __future__ import annotations

import re
from base64 import b32decode
from collections.abc import Iterator
from datetime import date

import pytest
from django.contrib.auth.models import User
from django_otp.oath import TOTP
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.factories import make_payment, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BLOCKED = re.compile("Content.Security.Policy")


class Visitor:
    """A browser that records the errors of its console."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"{page.url}: {message.text}"))

    @property
    def blocked(self) -> list[str]:
        return [complaint for complaint in self.complaints if BLOCKED.search(complaint)]

    def visit(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}", wait_until="networkidle")

    def sign_in(self, path: str, user: User, password: str = "secret") -> None:
        self.visit(path)
        self.page.fill("[name=username]", user.get_username())
        self.page.fill("[name=password]", password)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_load_state("networkidle")


@pytest.fixture
def visitor(page: Page, live_server: LiveServer) -> Iterator[Visitor]:
    visitor = Visitor(page, live_server.url)
    yield visitor
    assert visitor.blocked == []


@pytest.fixture
def root() -> User:
    return make_user("root", is_staff=True, is_superuser=True)


def test_scripts_of_the_theme_work(visitor: Visitor, root: User) -> None:
    make_payment()
    page = visitor.page
    visitor.sign_in("/admin/login/", root)
    visitor.visit("/admin/payments/payment/")
    page.locator("input.action-select").first.check()
    bar = page.locator("#changelist-actions")
    expect(bar).to_be_visible()
    assert bar.evaluate("bar => bar.style.width").endswith("px")

    page.get_by_text(root.get_username()).last.click()
    page.locator("[x-on\\:click=\"switchTheme('dark')\"]").first.click()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--color-primary-600')")

    visitor.visit(f"/admin/auth/user/{root.pk}/change/")
    page.locator("a[id^=calendarlink]").last.click()
    page.get_by_role("link", name="Today").last.click()
    expect(page.locator("#id_date_joined_0")).to_have_value(date.today().isoformat())  # noqa: DTZ011 - the browser's day


def test_policy_allows_a_refund_in_the_admin_and_its_result(
    visitor: Visitor, root: User, sandbox: SandboxServer
) -> None:
    payment = paid_at_sandbox(sandbox, amount=52_000)
    visitor.sign_in("/admin/login/", root)
    visitor.visit(f"/admin/payments/payment/refund/?ids={payment.pk}")
    visitor.page.fill(f"[name=p{payment.pk}-amount]", "2,000")
    expect(visitor.page.locator("#total-amount")).to_have_text("₩2,000")
    visitor.page.locator("#refund-button").click()

    expect(visitor.page.locator("tr[data-state=refunded]")).to_have_count(1)


def test_policy_allows_the_storefront_error_pages_and_api_docs(visitor: Visitor, sandbox: SandboxServer) -> None:
    buyer = make_user("buyer")
    paid_at_sandbox(sandbox, user=buyer)
    visitor.visit("/")
    visitor.visit("/nowhere")
    visitor.visit("/api/docs")
    expect(visitor.page.locator(".opblock").first).to_be_visible()
    visitor.sign_in("/accounts/login/", buyer)
    visitor.page.locator("[data-ask]").click()
    visitor.page.locator("#refund-submit").click()

    expect(visitor.page.locator("li.order .badge").first).to_have_text("환불 완료")


def test_policy_allows_two_factor_pages_from_set_up_to_lockout(visitor: Visitor, root: User) -> None:
    page = visitor.page
    visitor.sign_in("/admin/login/", root)
    visitor.visit("/admin/two-factor/")
    page.locator("#content form button").click()
    expect(page.locator(".ra-qr svg")).to_be_visible()
    totp = TOTP(b32decode(page.locator("#secret").inner_text().replace(" ", "")))
    page.fill("[name=code]", f"{totp.token():06d}")
    page.fill("[name=password]", "secret")
    page.press("[name=password]", "Enter")
    expect(page.locator("#codes li")).to_have_count(10)
    expect(page.locator("[data-copy]")).to_be_visible()
    backup = page.locator("#codes li").first.inner_text()

    page.context.clear_cookies(name="sessionid")
    visitor.visit("/admin/login/")
    expect(page.locator("[name=username]")).to_be_focused()
    visitor.sign_in("/admin/login/", root)
    page.locator("a[href='?backup']").click()
    page.fill("[name=code]", backup)
    page.press("[name=code]", "Enter")
    expect(page).to_have_url(re.compile("/admin/$"))

    page.context.clear_cookies(name="sessionid")
    visitor.sign_in("/accounts/login/", root)
    page.fill("[name=code]", backup)
    page.press("[name=code]", "Enter")
    expect(page.locator("#login-problem")).to_be_visible()
    for _try in range(4):
        visitor.sign_in("/admin/login/", root, "wrong")
    expect(page.get_by_role("main")).to_contain_text("15")


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/api/docs"])
def test_policy_blocks_injected_scripts(page: Page, live_server: LiveServer, path: str) -> None:
    intruder = Visitor(page, live_server.url)
    intruder.visit(path)
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.stolen = 1";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.stolen = 1'>");
        document.body.insertAdjacentHTML("beforeend", "<style>body { display: none }</style>");
    }""")
    page.wait_for_timeout(300)

    assert page.evaluate("window.stolen") is None
    assert page.locator("body").is_visible()
    assert len(intruder.blocked) >= 3
