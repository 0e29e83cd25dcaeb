"""A day of staff, from sign-in to the last refund: in Korean with the mouse, and in English by keyboard alone."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from refunds.models import RefundRecord
from tests.browser.hands import Hand, Keyboard, Mouse
from tests.browser.images import keep_image
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Words(NamedTuple):
    """What the day's buttons, links and options say."""

    search: str
    filters: str
    paid: str
    apply: str
    amount: str
    refund: str
    bank: str
    refund_part: str
    to_list: str
    partly: str
    again: str
    refund_all: str


KOREAN = Words(
    search="결제 검색",
    filters="필터",
    paid="결제 완료",
    apply="필터 적용",
    amount="금액",
    refund="환불하기",
    bank="신한은행",
    refund_part="주문 1건, ₩89,000 환불",
    to_list="결제 목록으로",
    partly="부분 환불",
    again="다시 시도하기",
    refund_all="주문 1건, ₩64,000 환불",
)
ENGLISH = Words(
    search="Search payments",
    filters="Filters",
    paid="Paid",
    apply="Apply Filters",
    amount="Amount",
    refund="Refund…",
    bank="Shinhan Bank",
    refund_part="Refund ₩89,000 for 1 order",
    to_list="Back to the payments",
    partly="Partly refunded",
    again="Try again…",
    refund_all="Refund ₩64,000 for 1 order",
)


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


class Day:
    """What staff do one after the other."""

    def __init__(self, page: Page, hand: Hand, words: Words) -> None:
        self.page, self.hand, self.words = page, hand, words

    def button(self, name: str) -> None:
        self.hand.press(self.page.get_by_role("button", name=name, exact=True))

    def link(self, name: str) -> None:
        self.hand.press(self.page.get_by_role("link", name=name, exact=True).first)

    def keep(self, name: str, **size: int) -> None:
        if self.words is ENGLISH:
            keep_image(self.page, name, **size)

    def sign_in(self, url: str) -> None:
        self.page.goto(f"{url}/admin/login/")
        self.hand.write(self.page.locator("[name=username]"), "staff")
        self.hand.write(self.page.locator("[name=password]"), "staff-demo")
        self.page.keyboard.press("Enter")
        expect(self.page.locator("[data-card=failed]")).to_contain_text("1")
        self.keep("overview")

    def find_by_a_fragment(self) -> None:
        """Find an order of a customer who says the last digits of their telephone number."""
        self.hand.write(self.page.get_by_role("searchbox", name=self.words.search), "1002")
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#result_list tbody tr")).to_have_count(6)
        expect(self.page.get_by_role("link", name="maru-2002", exact=True)).to_be_visible()
        self.hand.press(self.page.locator(".rd-chip"))
        expect(self.page.locator(".rd-chip")).to_have_count(0)
        self.keep("payments", height=810)

    def filter_sort_and_page(self) -> None:
        self.button(self.words.filters)
        self.hand.choose(self.page.locator("#id_state"), self.words.paid)
        self.button(self.words.apply)
        expect(self.page.locator(".rd-chip")).to_have_count(1)
        self.hand.press(self.page.get_by_role("columnheader", name=self.words.amount).get_by_role("link"))
        self.hand.press(self.page.locator("a[rel=next]"))
        expect(self.page).to_have_url(re.compile(r"\bp=2\b"))

    def refund_a_part(self) -> None:
        """Refund to an account that is somebody else's: a preview, a warning to tick, then the refund."""
        self.link("maru-2002")
        self.link(self.words.refund)
        self.hand.write(self.page.locator("[name$=-amount]"), "89000")
        self.hand.write(self.page.locator("[name$=-refund_holder]"), "이도윤")
        self.hand.choose(self.page.locator("[name$=-refund_bank]"), self.words.bank)
        self.hand.write(self.page.locator("[name$=-refund_account]"), "110-123-456789")
        self.hand.write(self.page.locator("[name=reason]"), "상품 파손")
        self.page.keyboard.press("Enter")  # previews, and refunds nothing
        warning = self.page.locator("[data-tick]")
        expect(warning).to_be_visible()
        expect(self.page.locator("#refund-button")).to_be_disabled()
        self.keep("confirmation", width=1280, height=750)
        self.keep("confirmation-phone", width=390, height=844)
        assert not RefundRecord.objects.filter(payment__merchant_uid="maru-2002").exists()

        self.hand.tick(warning.get_by_role("checkbox"))
        self.button(self.words.refund_part)
        expect(self.page.locator("tr[data-state=refunded]")).to_have_count(1)

    def return_to_the_list(self, listed: str) -> None:
        """The list is the same as before, but for the order, which another tab of it has now."""
        self.link(self.words.to_list)
        expect(self.page.locator("a[rel=prev]")).to_be_visible()
        assert query_of(self.page.url) == query_of(listed)
        expect(self.page.get_by_role("link", name="maru-2002", exact=True)).to_have_count(0)

    def read_the_timeline(self) -> None:
        self.link(self.words.partly)
        self.link("maru-2002")
        timeline = self.page.locator(".rd-timeline")
        expect(timeline).to_contain_text("₩89,000")
        expect(timeline).to_contain_text("상품 파손")
        self.keep("payment")

    def try_again(self, home: str) -> None:
        """A refund that the PG refused, from the overview: the second attempt succeeds."""
        self.page.goto(home)
        self.hand.press(self.page.locator("[data-card=failed]"))
        self.hand.press(self.page.locator("#result_list tbody tr").get_by_role("link").first)
        self.link(self.words.again)
        self.button(self.words.refund_all)
        expect(self.page.locator("tr[data-state=refunded]")).to_have_count(1)


@pytest.mark.parametrize(
    ("language", "words", "make_hand"), [("ko", KOREAN, Mouse), ("en", ENGLISH, Keyboard)], ids=["mouse", "keyboard"]
)
def test_a_day_of_staff(
    page: Page,
    live_server: LiveServer,
    demo: SandboxServer,
    language: str,
    words: Words,
    make_hand: type[Mouse | Keyboard],
) -> None:
    page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    day = Day(page, make_hand(page), words)
    day.sign_in(live_server.url)
    day.find_by_a_fragment()
    day.filter_sort_and_page()
    listed = page.url
    day.refund_a_part()
    day.return_to_the_list(listed)
    day.read_the_timeline()
    day.try_again(f"{live_server.url}/admin/")

    assert demo.payment("imp_770000002002")["cancel_amount"] == 89_000
    assert demo.payment("imp_770000002026")["cancel_amount"] == 64_000
