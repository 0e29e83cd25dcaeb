"""The admin works by keyboard alone."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.test_content_policy import Visitor
from tests.factories import make_payment, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STOPS = 100
CLICKABLE = """() => [...document.querySelectorAll('[x-on\\\\:click], [\\\\@click]')]
    .filter((element) => element.checkVisibility() && element.tabIndex < 0)
    .map((element) => element.outerHTML.slice(0, 80))"""
NAMELESS = """() => [...document.querySelectorAll('[role=button]')]
    .filter((element) => element.checkVisibility())
    .filter((element) => !element.textContent.trim() && !element.ariaLabel).map((element) => element.outerHTML)"""


@pytest.fixture
def visitor(page: Page, live_server: LiveServer) -> Visitor:
    boss = User.objects.create_superuser("boss", "boss@shop.example", "secret")
    make_payment(merchant_uid="order-1")
    page.context.add_cookies([{"name": "django_language", "value": "en", "url": live_server.url}])
    visitor = Visitor(page, live_server.url)
    visitor.sign_in("/admin/login/", boss)
    return visitor


def test_filters_and_account_menu_open_and_close_by_keyboard(visitor: Visitor) -> None:
    page = visitor.page
    visitor.visit("/admin/payments/payment/?q=order-1")
    assert page.evaluate(CLICKABLE) == []
    assert page.evaluate(NAMELESS) == []

    filters = page.get_by_role("button", name="Filters", exact=True)
    filters.focus()
    filters.press("Enter")
    expect(page.locator("#changelist-filter select").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#changelist-filter")).to_be_hidden()
    expect(filters).to_be_focused()

    account = page.get_by_role("button", name="boss")
    account.focus()
    account.press(" ")
    link = page.get_by_role("link", name="Change password")
    expect(link).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(account).to_be_focused()


def test_first_tab_stop_skips_to_the_content(visitor: Visitor) -> None:
    page = visitor.page
    visitor.visit("/admin/payments/payment/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_a_refund_from_sign_in_to_its_result(page: Page, live_server: LiveServer, sandbox: SandboxServer) -> None:
    """Use no mouse: each step is reached with Tab, and what has the focus shows it."""
    User.objects.create_superuser("boss", "boss@shop.example", "secret")
    card = paid_at_sandbox(sandbox, amount=52_000)
    paid_at_sandbox(sandbox, amount=10_000, pay_method="vbank", pg_provider="tosspayments")
    page.context.add_cookies([{"name": "django_language", "value": "en", "url": live_server.url}])
    page.goto(f"{live_server.url}/admin/login/?next=/admin/payments/payment/")
    page.keyboard.type("boss")
    page.keyboard.press("Tab")
    page.keyboard.type("secret")
    page.keyboard.press("Enter")

    press(page, page.get_by_role("link", name="Skip to content"))
    press(page, page.get_by_role("button", name="Filters", exact=True))
    go_to(page, page.locator("#changelist-filter select", has_text="Card"))
    page.keyboard.type("Card")
    press(page, page.get_by_role("button", name="Apply Filters"))
    page.wait_for_url("**method=card**")
    press(page, page.locator(f"input.action-select[value='{card.pk}']"), "Space")
    press(page, page.get_by_role("button", name="Refund…"))
    go_to(page, page.locator(f"[name=p{card.pk}-amount]"))
    page.keyboard.press("Control+a")
    page.keyboard.type("2,000")
    press(page, page.get_by_role("button", name="Refund ₩2,000"))

    expect(page.locator("tr[data-state=refunded]")).to_have_count(1)
    assert sandbox.payment(card.imp_uid)["cancel_amount"] == 2_000


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    go_to(page, target)
    page.keyboard.press(key)


def go_to(page: Page, target: Locator) -> None:
    """Press Tab until this has the focus, and shows it."""
    target.wait_for()
    for _stop in range(STOPS):
        if target.evaluate("(element) => element === document.activeElement"):
            assert target.evaluate("(element) => getComputedStyle(element).outlineStyle") != "none"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"not reached by Tab: {target}")
