"""No admin page is wider than a small screen, with any row contents, in Korean and English."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.admin_data import AT_IMPORT, fill_the_admin
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SMALL = {"width": 1280, "height": 800}
LONG = "a-long-name-of-something-20261123-0000123"
# The page, and its scrollable part with the list.
TOO_WIDE = """() => [document.scrollingElement, ...document.querySelectorAll('.simplebar-content-wrapper, .rd-scroll')]
    .filter(part => part.scrollWidth > part.clientWidth + 1)
    .map(part => `${part.className || 'page'}: ${part.scrollWidth} > ${part.clientWidth}`)"""


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_page_is_wider_than_a_small_screen(
    page: Page, live_server: LiveServer, sandbox: SandboxServer, language: str
) -> None:
    boss = User.objects.create_superuser("boss", "boss-of-the-refund-desk@shop.example", "secret")
    sandbox.create_payment(**AT_IMPORT)
    paths = fill_the_admin(LONG)
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    cookie = {"name": "django_language", "value": language, "url": live_server.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto(f"{live_server.url}/admin/login/")
    page.fill("[name=username]", boss.get_username())
    page.fill("[name=password]", "secret")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin/")

    wide = {}
    for path in paths:
        answer = page.goto(f"{live_server.url}/admin/{path}")
        assert answer is not None
        assert answer.status == 200, path
        if found := page.evaluate(TOO_WIDE):
            wide[path] = found

    assert wide == {}
