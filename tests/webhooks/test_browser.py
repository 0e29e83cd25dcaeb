"""Staff add an endpoint, copy its secret, test it, and send events again, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.factories import make_staff
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_admin import MANAGER, SECRET
from tests.webhooks.test_events import fail, requested_refund
from webhooks.delivery.service import deliver_due
from webhooks.models import Delivery

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(page: Page, live_server: LiveServer) -> Page:
    """The endpoints, in English, after signing in."""
    make_staff(*MANAGER)
    cookie = {"name": "django_language", "value": "en", "url": live_server.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto(f"{live_server.url}/admin/login/?next=/admin/webhooks/endpoint/")
    page.fill("[name=username]", "staff")
    page.fill("[name=password]", "secret")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin/webhooks/endpoint/")
    return page


def test_from_adding_an_endpoint_to_sending_an_event_again(desk: Page, receiver: Receiver, eager_worker: None) -> None:
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.locator("a[href$='/endpoint/add/']").first.click()
    desk.fill("[name=name]", "Web shop")
    desk.fill("[name=url]", receiver.url)
    with desk.expect_navigation():  # until its script has run
        desk.get_by_role("button", name="Add, and show the secret").click()
    desk.get_by_role("button", name="Copy").click()
    expect(desk.get_by_role("button", name="Copied")).to_be_visible()
    secret = desk.evaluate("navigator.clipboard.readText()")
    assert SECRET.fullmatch(secret)

    desk.get_by_role("link", name="Done").click()
    desk.get_by_role("button", name="Send a test event").click()
    expect(desk.get_by_text("The test event was accepted.")).to_be_visible()
    assert receiver.received[0].verified_with(secret)["type"] == "ping"

    fail(requested_refund())
    deliver_due()
    desk.reload()
    desk.get_by_role("link", name="All events").click()
    desk.locator(f"input.action-select[value='{Delivery.objects.latest('pk').pk}']").check()
    desk.get_by_role("button", name="Send again").click()
    expect(desk.get_by_text("1 event will be sent again.")).to_be_visible()
    receiver.wait_for(3)
    assert receiver.received[2].id == receiver.received[1].id
