"""The admin works by keyboard alone."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.test_content_policy import Visitor
from tests.factories import make_payment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

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
    visitor.visit("/admin/payments/payment/")
    assert page.evaluate(CLICKABLE) == []
    assert page.evaluate(NAMELESS) == []

    filters = page.get_by_role("button", name="Filters", exact=True)
    filters.focus()
    filters.press("Enter")
    expect(page.locator("#changelist-filter")).to_be_visible()
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
