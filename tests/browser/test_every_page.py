"""Every page can be used by everybody: axe-core finds nothing serious, light and dark; nothing is wider than a laptop,
a telephone or a page at 200 %, in both languages; the Content-Security-Policy blocks nothing."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.admin_data import AT_IMPORT, fill_the_admin
from tests.browser.audit import Audit
from tests.browser.test_content_policy import Visitor
from tests.factories import make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

# Some 70 pages in each language: a busy machine needs longer than for other tests.
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

LONG = "a-long-name-of-something-20261123-0000123"


@pytest.fixture(params=["ko", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visitor(language: str, page: Page, live_server: LiveServer) -> Visitor:
    cookie = {"name": "django_language", "value": language, "url": live_server.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    return Visitor(page, live_server.url)


@pytest.fixture
def audit(language: str, visitor: Visitor) -> Audit:
    """Look at everything in one language, and at the widths, which depend on the words, in the other too."""
    return Audit(visitor.page, only_widths=language == "en")


def test_every_page_of_the_admin(visitor: Visitor, audit: Audit, sandbox: SandboxServer) -> None:
    boss = User.objects.create_superuser("boss", "boss-of-the-refund-desk@shop.example", "secret")
    sandbox.create_payment(**AT_IMPORT)
    paths = fill_the_admin(LONG)
    visitor.visit("/admin/login/")
    audit.look("sign-in")
    visitor.sign_in("/admin/login/", boss)

    for path in (*paths, "payments/payment/?q=none"):
        answer = visitor.page.goto(f"{visitor.url}/admin/{path}")
        assert answer is not None
        assert answer.status == 200, path
        audit.look(path)
    visitor.visit("/admin/payments/payment/")
    visitor.page.get_by_role("button", name=re.compile("Filters|필터")).first.click()
    audit.look("filters")
    visitor.visit("/admin/nowhere/")
    audit.look("404")

    assert dict(audit.found) == {}
    assert visitor.blocked == []


def test_every_page_of_the_shop_the_api_and_the_sandbox(visitor: Visitor, audit: Audit, sandbox: SandboxServer) -> None:
    buyer = make_user("buyer")
    paid = paid_at_sandbox(sandbox, user=buyer)
    for path in ("/", "/nowhere", "/accounts/login/"):
        visitor.visit(path)
        audit.look(path)
    visitor.sign_in("/accounts/login/", buyer)
    audit.look("orders")
    visitor.page.locator("[data-ask]").click()
    audit.look("dialog")
    visitor.page.locator("#refund-submit").click()
    visitor.page.get_by_role("dialog").get_by_role("heading").wait_for()
    audit.look("answer")
    visitor.visit("/api/docs")
    visitor.page.locator(".opblock").first.wait_for()
    visitor.page.locator(".opblock-summary-control").first.click()
    audit.look("/api/docs")
    for path in ("/", "/faults/", "/log/", f"/payments/{paid.imp_uid}/"):
        visitor.page.goto(f"{sandbox.url}/console{path}")
        audit.look(f"sandbox{path}")

    assert dict(audit.found) == {}
    assert visitor.blocked == []
