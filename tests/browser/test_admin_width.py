"""No admin page is wider than a small screen or breaks the Content-Security-Policy, with any row contents."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.admin_data import AT_IMPORT, fill_the_admin
from tests.browser.test_content_policy import Visitor
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SMALL = {"width": 1280, "height": 800}
LONG = "a-long-name-of-something-20261123-0000123"
# The page, and its scrollable part with the list.
TOO_WIDE = """() => [document.scrollingElement, ...document.querySelectorAll('.simplebar-content-wrapper, .rd-scroll')]
    .filter(part => part.scrollWidth > part.clientWidth + 1)
    .map(part => `${part.className || 'page'}: ${part.scrollWidth} > ${part.clientWidth}`)"""


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_page_fits_a_small_screen_and_the_policy(
    page: Page, live_server: LiveServer, sandbox: SandboxServer, language: str
) -> None:
    boss = User.objects.create_superuser("boss", "boss-of-the-refund-desk@shop.example", "secret")
    sandbox.create_payment(**AT_IMPORT)
    paths = fill_the_admin(LONG)
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    cookie = {"name": "django_language", "value": language, "url": live_server.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    visitor = Visitor(page, live_server.url)
    visitor.sign_in("/admin/login/", boss)
    expect(page.locator("svg.rd-chart rect.rd-bar-fill").last).to_be_visible()

    wide = {}
    for path in (*paths, "payments/payment/?q=none"):
        answer = page.goto(f"{live_server.url}/admin/{path}")
        assert answer is not None
        assert answer.status == 200, path
        if found := page.evaluate(TOO_WIDE):
            wide[path] = found

    assert wide == {}
    assert visitor.blocked == []
