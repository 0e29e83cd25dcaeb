"""A buyer refunds an order from sign-in to result: on a phone by thumb, and in a browser without scripts."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from refunds.models import RefundRecord
from refunds.services.bank_accounts import Account, stored_account
from tests.browser.images import keep_image
from tests.factories import demo_payment, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}
LARGE_LETTERS = {"width": 640, "height": 360}  # a window of 1280x720 at 200 % zoom
USUALLY_BY = re.compile(r"보통 \d+월 \d+일까지 입금됩니다")
SMALLEST_TARGET = 24  # CSS pixels, WCAG 2.2 AA


@pytest.fixture
def open_phone(browser: Browser, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    contexts = []

    def open_page(**options: bool) -> Page:
        context = browser.new_context(locale="ko-KR", viewport=PHONE, has_touch=True, is_mobile=True, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.goto(live_server.url)
        return page

    yield open_page
    for context in contexts:
        context.close()


def sign_in(page: Page, press: Callable[..., None]) -> None:
    press(page.get_by_role("link", name="로그인"))
    page.get_by_label("아이디").fill("buyer")
    page.get_by_label("비밀번호").fill("secret")
    press(page.get_by_role("button", name="로그인"))


def test_buyer_refunds_by_thumb_on_a_phone(open_phone: Callable[..., Page], sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=make_user("buyer"), **demo_payment(1003) | {"pg_provider": "kcp"})
    page = open_phone()
    sign_in(page, lambda target: target.tap())
    page.get_by_role("button", name="환불 요청").tap()
    dialog = page.get_by_role("dialog")
    submit = dialog.locator("#refund-submit")
    expect(submit).to_be_in_viewport(ratio=1)
    dialog.get_by_label("금액", exact=True).fill("4000원")
    dialog.get_by_label("금액", exact=True).blur()
    expect(submit).to_have_text("₩4,000 환불받기")
    keep_image(page, "storefront-phone", width=PHONE["width"], height=PHONE["height"])
    dialog.get_by_label("예금주", exact=True).fill("홍길동")
    dialog.get_by_label("은행").select_option("신한은행")
    dialog.get_by_label("계좌번호").fill("110-123-456789")
    expect(submit).to_be_in_viewport(ratio=1)
    small = "(part) => part.offsetParent && (part.offsetHeight < size || part.offsetWidth < size)"
    targets = "[...document.querySelectorAll('dialog :is(button, input, select)')]"
    assert not page.evaluate(f"(size) => {targets}.some({small})", SMALLEST_TARGET)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    page.set_viewport_size(LARGE_LETTERS)  # type: ignore[arg-type]
    amount = dialog.get_by_label("금액", exact=True)
    amount.scroll_into_view_if_needed()
    expect(amount).to_be_in_viewport(ratio=1)
    expect(submit).to_be_in_viewport(ratio=1)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]

    submit.tap()
    expect(dialog.get_by_role("heading", name="환불 완료")).to_be_focused()
    expect(dialog).to_contain_text("₩4,000 환불이 완료되었습니다.")
    expect(dialog).to_contain_text(USUALLY_BY)
    dialog.get_by_role("button", name="확인").tap()
    expect(page.locator("li.order .badge")).to_have_text("부분 환불")
    assert RefundRecord.objects.get(payment=payment).cancelled_amount == 4_000


def test_buyer_without_scripts_refunds_once(open_phone: Callable[..., Page], sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=make_user("buyer"), pay_method="vbank", pg_provider="kcp", amount=32_000)
    page = open_phone(java_script_enabled=False)
    sign_in(page, lambda target: target.click())
    page.get_by_role("button", name="환불 요청").click()
    refund = page.get_by_role("button", name="환불", exact=True)
    amount, holder = page.get_by_label("금액", exact=True), page.get_by_label("예금주", exact=True)
    amount.fill("32,001")
    refund.click()
    expect(holder).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#refund_holder-problem")).to_have_text("예금주명을 입력해 주세요.")
    holder.fill("이도윤")
    page.get_by_label("은행").select_option("신한은행")
    page.get_by_label("계좌번호").fill("110-123-456789")
    refund.click()
    expect(page.locator("#amount-problem")).to_have_text("최대 ₩32,000까지 환불받으실 수 있습니다.")
    expect(amount).to_be_focused()
    amount.fill("4,000")
    refund.click()
    expect(page.get_by_role("alert")).to_contain_text("다른 사람의 계좌")
    assert not RefundRecord.objects.exists()
    page.get_by_role("button", name="계좌 고치기").click()
    expect(holder).to_have_value("이도윤")
    refund.click()
    page.get_by_role("button", name="맞습니다, 환불 요청").click()
    expect(page.get_by_role("heading", name="환불 완료")).to_be_visible()
    expect(page.get_by_text(USUALLY_BY)).to_be_visible()
    page.reload()
    page.get_by_role("link", name="내 주문으로").click()
    expect(page.locator("li.order .badge")).to_have_text("부분 환불")
    record = RefundRecord.objects.get(payment=payment)
    assert record.cancelled_amount == 4_000
    assert stored_account(record) == Account("이도윤", "110123456789")
    assert sandbox.stats()["cancel"] == 1
