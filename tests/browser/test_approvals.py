"""Two pairs of eyes in a browser: one asks by keyboard, in English; one approves by mouse and rejects by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from refunds.approvals.decide import expire_overdue
from tests.browser.hands import Hand, Keyboard, Mouse
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BIG, SMALL, LATE = "maru-2018", "maru-2001", "maru-2012"  # above the limit of this test
ORDERS = {BIG: "imp_770000002018", SMALL: "imp_770000002001", LATE: "imp_770000002012"}


class Person:
    """Somebody at the desk, in a browser of their own."""

    def __init__(self, page: Page, url: str, hand: Hand, language: str) -> None:
        self.page, self.url, self.hand = page, url, hand
        page.context.add_cookies([{"name": "django_language", "value": language, "url": url}])

    def sign_in(self, name: str) -> None:
        self.page.goto(f"{self.url}/admin/login/")
        self.hand.write(self.page.locator("[name=username]"), name)
        self.hand.write(self.page.locator("[name=password]"), f"{name}-demo")
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".rd-figures")).to_be_visible()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def ask(self, order: str, amount: str, goods: str) -> None:
        """Ask for a refund: the page says first that a colleague decides, and then who and until when."""
        self.page.goto(f"{self.url}/admin/payments/payment/?q={order}")
        self.hand.press(self.page.get_by_role("link", name=order, exact=True).first)
        self.hand.press(self.page.get_by_role("link", name="Refund…", exact=True).first)
        expect(self.page.locator("#approval")).to_be_visible()
        self.hand.write(self.page.locator("[name$=-amount]"), "1000")
        expect(self.page.locator("#approval")).to_be_hidden()
        self.hand.write(self.page.locator("[name$=-amount]"), "99999999")  # nobody can approve more than is left
        expect(self.page.locator("#approval")).to_be_hidden()
        self.hand.write(self.page.locator("[name$=-amount]"), amount.replace("₩", ""))
        expect(self.page.locator("#approval")).to_be_visible()
        self.hand.write(self.page.locator("[name=reason]"), goods)
        self.hand.press(self.button(f"Request approval of {amount}"))
        expect(self.page.locator(f"tr[data-order='{order}'][data-state=awaiting]")).to_be_visible()
        expect(self.page.locator("[data-code=awaiting_approval]").first).to_contain_text("최유진")

    def open_the_oldest(self, order: str) -> None:
        """From the overview to the request that has waited longest."""
        self.page.goto(f"{self.url}/admin/")
        self.hand.press(self.page.locator("[data-card=to_approve]"))
        self.hand.press(self.page.locator("#result_list tbody tr").first.get_by_role("link", name=order))
        expect(self.page.locator("#request")).to_contain_text("승인 대기")


@pytest.fixture
def colleague(page: Page, live_server: LiveServer) -> Iterator[Page]:
    """A second browser."""
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def test_refunds_that_a_second_person_decides(
    page: Page, colleague: Page, live_server: LiveServer, demo: SandboxServer, settings: Settings
) -> None:
    settings.REFUND_APPROVAL_ABOVE = Decimal(60_000)
    staff = Person(page, live_server.url, Keyboard(page), "en")
    approver = Person(colleague, live_server.url, Mouse(colleague), "ko")
    staff.sign_in("staff")
    approver.sign_in("approver")

    staff.ask(BIG, "₩119,000", "상품 파손")
    staff.ask(SMALL, "₩63,000", "단순 변심")
    assert demo.payment(ORDERS[BIG])["cancel_amount"] == 0

    approver.open_the_oldest(BIG)
    approver.hand.write(approver.page.locator("[name=note]"), "사진 확인")
    approver.hand.press_twice(approver.button("승인하고 ₩119,000 환불"))  # must not press Reject beside it
    expect(approver.page.locator("#result")).to_contain_text("환불 완료")
    assert demo.payment(ORDERS[BIG])["cancel_amount"] == 119_000

    approver.hand = Keyboard(colleague)
    approver.open_the_oldest(SMALL)
    approver.hand.press(approver.button("반려"))
    expect(approver.page.locator(".rd-error")).to_have_attribute("data-code", "note_required")
    approver.hand.write(approver.page.locator("[name=note]"), "포장을 뜯음")
    approver.hand.press(approver.button("반려"))
    expect(approver.page.locator("#request")).to_contain_text("반려됨")

    settings.REFUND_APPROVAL_EXPIRES_DAYS = 0
    staff.ask(LATE, "₩89,000", "배송 지연")
    expire_overdue(timezone.now())
    staff.hand.press(staff.page.locator("[data-code=awaiting_approval] a").first)
    expect(staff.page.locator("#request")).to_contain_text("Expired")
    assert [demo.payment(ORDERS[order])["cancel_amount"] for order in (SMALL, LATE)] == [0, 10_000]
