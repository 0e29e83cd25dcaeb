"""Request refunds on the storefront page, in a real browser with a real sandbox."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Locator, Page, Route, expect

from payments.models import Payment
from refunds.models import RefundRecord, RefundStatus
from refunds.reconciliation.reconcile import reconcile
from refunds.services.bank_accounts import Account, stored_account
from refunds.services.buyer_limits import MAX_FAILED_PER_DAY
from tests.factories import make_payment, make_refund, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ACCOUNT_NUMBER = "110-555-987654"


class Shop:
    """The storefront page of one signed-in buyer."""

    def __init__(self, page: Page, url: str, buyer: User) -> None:
        self.page, self.url, self.buyer = page, url, buyer
        self.dialog = page.get_by_role("dialog")
        client = Client()
        client.force_login(buyer)
        cookies = {"sessionid": client.cookies["sessionid"].value, "django_language": "en"}
        page.context.add_cookies([{"name": name, "value": cookies[name], "url": url} for name in cookies])

    def open(self, payment: Payment) -> None:
        self.page.goto(self.url)
        self.open_dialog(payment)

    def open_dialog(self, payment: Payment) -> None:
        self.row(payment).get_by_role("button", name="Request refund").click()

    def row(self, payment: Payment) -> Locator:
        return self.page.locator("li.order", has_text=payment.merchant_uid)

    def submit(self) -> None:
        self.dialog.locator("#refund-submit").click()

    def fill_account(self) -> None:
        self.dialog.get_by_label("Account holder", exact=True).fill("홍길동")
        self.dialog.get_by_label("Bank").select_option("Shinhan Bank")
        self.dialog.get_by_label("Account number").fill(ACCOUNT_NUMBER)

    def expect_answer(self, title: str, text: str = "") -> None:
        expect(self.dialog.get_by_role("heading", name=title)).to_be_focused()
        expect(self.dialog).to_contain_text(text)


@pytest.fixture
def shop(page: Page, live_server) -> Shop:
    return Shop(page, live_server.url, make_user("buyer"))


def only_refund(payment: Payment) -> RefundRecord:
    return RefundRecord.objects.get(payment=payment)


def test_full_refund_is_confirmed_and_shown_without_a_reload(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    expect(shop.dialog).to_contain_text("₩10,000 of the ₩10,000 you paid will be refunded to your card.")
    shop.submit()
    shop.expect_answer("Refunded", "₩10,000 has been refunded.")
    expect(shop.dialog).to_contain_text("The money is usually back the same day.")
    expect(shop.row(payment).locator(".badge")).to_have_text("Refunded")
    expect(shop.row(payment).locator("[data-ask]")).to_have_count(0)
    assert only_refund(payment).cancelled_amount == 10_000
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 10_000


def test_partial_refund_shows_the_rest_which_can_be_refunded(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    shop.dialog.get_by_label("Amount").fill("4,000")
    shop.dialog.get_by_label("Reason").first.select_option("I changed my mind")
    expect(shop.dialog).to_contain_text("₩4,000 of the ₩10,000 you paid")
    shop.submit()
    shop.expect_answer("Refunded", "₩6,000 can still be refunded later.")
    shop.dialog.get_by_role("button", name="Done").click()
    expect(shop.row(payment).locator("[data-ask]")).to_be_focused()
    shop.open_dialog(payment)
    expect(shop.dialog).to_contain_text("₩6,000 of ₩10,000 can be refunded.")
    shop.submit()
    shop.expect_answer("Refunded", "₩6,000 has been refunded.")
    amounts = RefundRecord.objects.filter(payment=payment).values_list("cancelled_amount", flat=True)
    assert sorted(amounts) == [4000, 6000]


def test_bidi_characters_in_an_order_number_affect_no_other_text(shop: Shop) -> None:
    make_payment(user=shop.buyer, merchant_uid="a\u202eb")
    shop.page.goto(shop.url)
    number = shop.page.locator(".order-number")
    assert number.evaluate("found => getComputedStyle(found).unicodeBidi") == "isolate"


def test_amounts_with_cents_are_sent_exactly(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer, amount="42.10", currency="USD")
    shop.open(payment)
    shop.dialog.get_by_label("Amount").fill("0.29")
    shop.submit()
    shop.expect_answer("Refunded", "$41.81 can still be refunded later.")


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("0", "Enter more than zero"),
        ("10001", "At most ₩10,000 can be refunded."),
        ("-5", "Enter the amount in digits"),
        ("1.5", "Enter the amount in digits"),
        ("1,5", "Enter the amount in digits"),
        ("abc", "Enter the amount in digits"),
    ],
)
def test_invalid_amount_is_explained_at_its_field_and_not_sent(
    shop: Shop, sandbox: SandboxServer, typed: str, problem: str
) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    amount = shop.dialog.get_by_label("Amount")
    amount.fill(typed)
    expect(shop.dialog.locator("#amount-problem")).to_contain_text(problem)
    expect(amount).to_have_attribute("aria-invalid", "true")
    expect(shop.dialog.locator("#refund-submit")).to_be_disabled()
    expect(shop.dialog.locator(".summary")).to_contain_text("₩10,000 of ₩10,000 can be refunded.")
    amount.fill("₩4,000")
    expect(shop.dialog.locator("#amount-problem")).to_be_hidden()
    expect(shop.dialog.locator("#refund-submit")).to_have_text("Refund ₩4,000")


def test_virtual_account_refund_removes_the_account_from_the_page(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer, pay_method="vbank", pg_provider="kcp")
    shop.open(payment)
    expect(shop.dialog).to_contain_text("The shop pays the transfer fee of ₩300")
    shop.submit()
    expect(shop.dialog.locator("#refund_bank-problem")).to_have_text("Choose the bank.")
    assert not RefundRecord.objects.exists()
    shop.fill_account()
    shop.submit()
    shop.expect_answer("Refunded")
    refund = only_refund(payment)
    assert (refund.refund_bank, refund.refund_account_last4) == ("088", "7654")
    assert stored_account(refund) == Account("홍길동", "110555987654")
    everything = "[...document.querySelectorAll('input')].map((input) => input.value).join() + document.body.outerHTML"
    assert "987654" not in shop.page.evaluate(everything)


def test_buyer_checks_an_account_that_the_bank_knows_by_another_name(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer, pay_method="vbank", pg_provider="kcp")
    shop.open(payment)
    shop.fill_account()
    holder = shop.dialog.get_by_label("Account holder", exact=True)
    holder.fill("이도윤")
    shop.submit()
    shop.expect_answer("Please check the account", "belongs to somebody else")
    shop.dialog.get_by_role("button", name="Correct the account").click()
    expect(holder).to_have_value("이도윤")
    shop.submit()
    shop.dialog.get_by_role("button", name="It is correct: refund").click()
    shop.expect_answer("Refunded")
    assert only_refund(payment).amount == 10_000
    assert sandbox.stats()["cancel"] == 1


def test_buyer_who_failed_too_often_is_referred_to_the_shop(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    for _ in range(MAX_FAILED_PER_DAY):
        make_refund(payment, status="failed", error_code="refused_by_gateway")
    shop.submit()
    shop.expect_answer("The refund was refused", "Please contact the shop")
    expect(shop.dialog.get_by_role("button", name="Try again")).to_have_count(0)


def test_errors_of_the_api_are_shown_at_their_fields(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer, pay_method="vbank", pg_provider="kcp")
    shop.open(payment)
    shop.fill_account()
    account = shop.dialog.get_by_label("Account number")
    account.fill("12")
    shop.submit()
    expect(shop.dialog.locator("#refund_account-problem")).not_to_be_empty()
    expect(account).to_have_value("")
    account.fill(ACCOUNT_NUMBER)
    shop.submit()
    shop.expect_answer("Refunded")


def test_naver_pay_refund_without_a_reason_is_not_sent(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer, pay_method="naverpay", pg_provider="naverpay")
    shop.open(payment)
    shop.submit()
    expect(shop.dialog.locator("#reason-problem")).to_be_visible()
    expect(shop.dialog.get_by_text("(required by Naver Pay)")).to_be_visible()
    shop.dialog.get_by_label("Reason").first.select_option("Another reason")
    shop.dialog.get_by_label("Reason in your own words").fill("색이 달라요")
    shop.submit()
    shop.expect_answer("Refunded")
    assert only_refund(payment).reason == "색이 달라요"


def test_refusal_is_explained_in_words_for_buyers(shop: Shop, sandbox: SandboxServer) -> None:
    sandbox.fault("cancel", "refuse", times=1, message="취소실패: 취소가능액부족")
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    shop.submit()
    shop.expect_answer("The refund was refused", "Nothing was refunded. Please try again later, or contact us.")
    expect(shop.dialog).not_to_contain_text("취소가능액부족")
    expect(shop.row(payment)).to_contain_text("Refund failed")


def test_unknown_earlier_refund_is_found_and_the_rest_offered(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    sandbox.console_cancel(payment.imp_uid, 1000)
    shop.open(payment)
    shop.submit()
    shop.expect_answer("Part of this order was already refunded", "₩9,000 can still be refunded")
    expect(shop.row(payment).locator(".badge")).to_have_text("Partly refunded")
    shop.dialog.get_by_role("button", name="Request again").click()
    expect(shop.dialog).to_contain_text("₩9,000 of ₩10,000 can be refunded.")
    shop.submit()
    shop.expect_answer("Refunded", "₩9,000 has been refunded.")


def test_a_double_click_refunds_once(shop: Shop, sandbox: SandboxServer) -> None:
    sandbox.fault("cancel", "latency", seconds=1)
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    shop.dialog.get_by_label("Amount").fill("3000")
    shop.dialog.locator("#refund-submit").dblclick()
    shop.page.keyboard.press("Escape")
    shop.expect_answer("Refunded", "₩3,000 has been refunded.")
    assert sandbox.stats()["cancel"] == 1
    assert only_refund(payment).cancelled_amount == 3000


def test_lost_response_is_retried_without_a_second_refund(shop: Shop, sandbox: SandboxServer) -> None:
    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.page.route("**/payments/cancel", lose_the_answer, times=1)
    shop.open(payment)
    shop.dialog.get_by_label("Amount").fill("3000")
    shop.submit()
    shop.expect_answer("No connection", "never refunded twice")
    shop.dialog.get_by_role("button", name="Close").click()
    shop.open_dialog(payment)
    shop.expect_answer("No connection")
    shop.dialog.get_by_role("button", name="Try again").click()
    shop.expect_answer("Refunded", "₩3,000 has been refunded.")
    assert sandbox.stats()["cancel"] == 1
    assert only_refund(payment).cancelled_amount == 3000


def test_unknown_outcome_is_polled_until_it_is_settled(shop: Shop, sandbox: SandboxServer) -> None:
    sandbox.fault("cancel", "drop_after", times=1)
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    shop.submit()
    shop.expect_answer("Your refund is being checked", "please do not request it again")
    expect(shop.row(payment).locator(".badge")).to_have_text("Being checked")
    expect(shop.row(payment).locator("[data-ask]")).to_have_count(0)
    assert only_refund(payment).status == RefundStatus.UNKNOWN
    shop.dialog.get_by_role("button", name="Done").click()
    list(reconcile())
    expect(shop.row(payment).locator(".badge")).to_have_text("Refunded")
    expect(shop.page.locator("#news")).to_contain_text("₩10,000 has been refunded.")


def test_accepted_refund_is_shown_as_pending(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(
        sandbox, user=shop.buyer, pg_provider="paypal_v2", pay_method="paypal", amount="20.00", currency="USD"
    )
    shop.open(payment)
    shop.submit()
    shop.expect_answer("Your refund was accepted", "$20.00 is on its way.")
    expect(shop.row(payment).locator(".badge")).to_have_text("Accepted, on its way")


def test_unreachable_payment_service_is_retried_with_a_new_key(shop: Shop, sandbox: SandboxServer, settings) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    settings.IAMPORT_API_URL = "http://127.0.0.1:1"
    shop.open(payment)
    shop.submit()
    shop.expect_answer("The payment service cannot be reached", "Nothing was refunded.")
    settings.IAMPORT_API_URL = sandbox.url
    shop.dialog.get_by_role("button", name="Try again").click()
    shop.expect_answer("Refunded")


def test_signed_out_buyer_is_redirected_to_the_login(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    shop.page.context.clear_cookies(name="sessionid")
    shop.submit()
    shop.expect_answer("You are signed out")
    shop.dialog.get_by_role("link", name="Sign in").click()
    expect(shop.page).to_have_url(re.compile(r"/accounts/login/\?next=/$"))


def test_refund_requested_elsewhere_is_reported_as_in_progress(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    sandbox.fault("cancel", "drop_before", times=1)
    elsewhere = "fetch('/payments/cancel', {method: 'POST', body: JSON.stringify({imp_uid: '%s'}), headers: {%s}})"
    headers = "'Content-Type': 'application/json', 'X-CSRFToken': document.cookie.match(/csrftoken=([^;]+)/)[1]"
    shop.page.evaluate(f"{elsewhere % (payment.imp_uid, headers)}.then((answer) => answer.status)")
    shop.submit()
    shop.expect_answer("A refund is already in progress", "Nothing was refunded twice.")


def test_dialog_closes_with_escape_and_restores_the_focus(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer)
    shop.open(payment)
    shop.page.keyboard.press("Escape")
    expect(shop.dialog).to_be_hidden()
    expect(shop.row(payment).locator("[data-ask]")).to_be_focused()


def test_nothing_overflows_on_a_phone(shop: Shop, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=shop.buyer, pay_method="vbank", amount=123_456_789)
    shop.page.set_viewport_size({"width": 375, "height": 667})
    shop.open(payment)
    expect(shop.dialog.locator("#refund-submit")).to_be_in_viewport()
    assert shop.page.evaluate("document.documentElement.scrollWidth") <= 375
