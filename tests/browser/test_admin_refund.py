"""Staff refund orders in a real browser: live total, result, and no second refund after going back."""

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from core.money import fits_precision, precision
from payments.models import Payment
from refunds.batches.claims import claim
from refunds.batches.execute import execute, requester_of
from refunds.batches.run import run
from refunds.errors import InvalidRequest
from refunds.inputs import parse_typed_amount
from refunds.models import RefundBatch, RefundRecord
from tests.factories import ACCOUNT, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(page: Page, live_server: LiveServer) -> Page:
    """Sign in and open the payment list in English."""
    make_staff("refund_payment", "view_payment", "view_refundrecord")
    cookie = {"name": "django_language", "value": "en", "url": live_server.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto(f"{live_server.url}/admin/login/?next=/admin/payments/payment/")
    page.fill("[name=username]", "staff")
    page.fill("[name=password]", "secret")
    page.press("[name=password]", "Enter")
    return page


def open_confirmation(desk: Page, *payments: Payment) -> None:
    desk.wait_for_url("**/admin/payments/payment/**")
    desk.reload()
    for payment in payments:
        desk.locator(f"input.action-select[value='{payment.pk}']").check()
    desk.get_by_role("button", name="Refund…").click()


def test_select_confirm_and_see_the_result(desk: Page, sandbox: SandboxServer) -> None:
    card = paid_at_sandbox(sandbox, amount=52_000)
    vbank = paid_at_sandbox(sandbox, amount=10_000, pay_method="vbank", pg_provider="tosspayments")
    open_confirmation(desk, card, vbank)
    button = desk.locator("#refund-button")
    expect(button).to_have_text("Refund ₩62,000 for 2 orders")

    desk.fill(f"[name=p{card.pk}-amount]", "999,999,999")
    expect(button).to_have_text("Correct the amount")
    expect(button).to_be_disabled()
    desk.fill(f"[name=p{card.pk}-amount]", "2,000")
    expect(button).to_have_text("Refund ₩12,000 for 2 orders")
    desk.uncheck(f"[name=p{vbank.pk}-selected]")
    expect(button).to_have_text("Refund ₩2,000 for 1 order")
    desk.check(f"[name=p{vbank.pk}-selected]")
    expect(desk.locator(".rd-cost")).to_have_text("₩10,000 + ₩300 fee. Total cost ₩10,300")

    button.click()
    expect(desk.locator("[data-code=account_required]")).to_be_visible()
    assert not RefundRecord.objects.exists()
    desk.fill(f"[name=p{vbank.pk}-refund_holder]", ACCOUNT["refund_holder"])
    desk.select_option(f"[name=p{vbank.pk}-refund_bank]", ACCOUNT["refund_bank"])
    desk.fill(f"[name=p{vbank.pk}-refund_account]", ACCOUNT["refund_account"])
    desk.locator("#refund-button").click()

    # The page follows what a worker does, also after a reload.
    expect(desk.locator("tr[data-state=waiting]")).to_have_count(2)
    assert desk.title().startswith("(0/2) ")
    desk.reload()
    batch = RefundBatch.objects.get()
    (item,) = claim(batch_id=batch.pk, count=1)
    execute(item, requester_of(batch))
    expect(desk.locator("tr[data-state=refunded]")).to_have_count(1)
    expect(desk.get_by_role("status")).to_have_text("1 of 2 requested: 1 refunded")
    run(batch_id=batch.pk)
    expect(desk.locator("tr[data-state=refunded]")).to_have_count(2)
    expect(desk.locator("#heading")).to_have_text("Refund result")
    expect(desk.locator("progress")).to_have_count(0)
    assert sandbox.payment(card.imp_uid)["cancel_amount"] == 2_000
    assert sandbox.payment(vbank.imp_uid)["cancel_amount"] == 10_000


@pytest.fixture
def result(desk: Page, sandbox: SandboxServer) -> Page:
    """Leave two orders to a worker and open the result page, with a clock that a test can move."""
    desk.clock.install()
    open_confirmation(desk, paid_at_sandbox(sandbox), paid_at_sandbox(sandbox))
    desk.locator("#refund-button").click()
    expect(desk.locator("tr[data-state=waiting]")).to_have_count(2)
    return desk


def answer_with(page: Page, status: int) -> None:
    page.unroute_all()
    page.route("**/refundbatch/**", lambda route: route.fulfill(status=status))


def test_result_page_says_when_it_no_longer_updates(result: Page) -> None:
    line = result.locator("[data-follow]")
    expect(line).to_contain_text("This page updates itself")

    answer_with(result, 403)
    expect(line).to_have_text("This page no longer updates. Reload it.")
    result.unroute_all()

    result.reload()
    expect(line).to_contain_text("This page updates itself")
    result.clock.fast_forward("11:00")
    expect(line).to_have_text("This page no longer updates. Reload it.")


def test_result_page_keeps_trying_while_the_server_does_not_answer(result: Page) -> None:
    line = result.locator("[data-follow]")
    answer_with(result, 503)
    for _time in range(3):
        with result.expect_response("**/refundbatch/**"):
            result.clock.fast_forward("00:30")
    expect(line).to_have_text("The server does not answer. This page keeps trying.")

    result.unroute_all()
    run(batch_id=RefundBatch.objects.get().pk)
    result.clock.fast_forward("00:30")
    expect(result.locator("tr[data-state=refunded]")).to_have_count(2)
    expect(line).to_have_count(0)


def test_result_page_follows_open_refunds_of_a_finished_batch(result: Page, sandbox: SandboxServer) -> None:
    sandbox.fault("cancel", "drop_after", times=1)
    run(batch_id=RefundBatch.objects.get().pk)
    expect(result.get_by_role("status")).to_have_text("2 of 2 requested: 1 refunded, 1 with outcome unknown")

    RefundRecord.objects.filter(status="unknown").update(status="pending")
    result.clock.fast_forward("00:30")

    expect(result.get_by_role("status")).to_have_text("2 of 2 requested: 1 refunded, 1 waiting for the PG")

    expect(result.get_by_role("button", name="Check with i'mport")).to_be_visible()
    result.clock.fast_forward("11:00")  # the form's new token is not a change
    expect(result.locator("[data-follow]")).to_have_text("This page no longer updates. Reload it.")


def test_going_back_and_pressing_again_refunds_nothing(desk: Page, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, amount=30_000)
    open_confirmation(desk, payment)
    desk.fill(f"[name=p{payment.pk}-amount]", "10000")
    desk.locator("#refund-button").click()
    expect(desk.locator("tr[data-state=refunded]")).to_have_count(1)

    desk.reload()
    desk.go_back()
    again = desk.locator("#refund-button")
    if again.count():  # the browser kept the page; otherwise it was sent on to the result
        again.click()

    expect(desk.locator("tr[data-state=refunded]")).to_have_count(1)
    assert RefundRecord.objects.count() == 1
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 10_000


def test_a_refund_without_javascript(browser: Browser, live_server: LiveServer, sandbox: SandboxServer) -> None:
    make_staff("refund_payment", "view_payment", "view_refundrecord")
    card = paid_at_sandbox(sandbox, amount=52_000)
    context = browser.new_context(locale="en", java_script_enabled=False, base_url=live_server.url)
    page = context.new_page()
    page.goto("/admin/login/?next=/admin/payments/payment/")
    page.fill("[name=username]", "staff")
    page.fill("[name=password]", "secret")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name=card.merchant_uid, exact=True)).to_be_visible()
    page.get_by_role("link", name=f"Refund {card.merchant_uid}").click()
    page.fill(f"[name=p{card.pk}-amount]", "2,000")
    page.locator("#refund-button").click()

    expect(page.locator("tr[data-state=refunded]")).to_be_visible()
    context.close()
    assert sandbox.payment(card.imp_uid)["cancel_amount"] == 2_000


TYPED = ["4000", "4,000", "4 000", "₩4,000", "4000원", "４０００원", "4.000", "4.00", "4.5", "1,5", "10,00", "abc", "0"]
TYPED += ["-5", "", "+7", "1234567890123", "12345678901234", "\\4000", "4000 won", "US$5", "12.30", "12.305"]
TYPED += ["$12.30", "5 usd", "$-5"]


@pytest.mark.parametrize("currency", ["KRW", "USD"])
def test_script_reads_an_amount_as_the_server_does(desk: Page, sandbox: SandboxServer, currency: str) -> None:
    open_confirmation(desk, paid_at_sandbox(sandbox))
    expect(desk.locator("#refund-button")).to_be_enabled()
    for text in TYPED:
        try:
            amount = parse_typed_amount(text, currency=currency)
            is_sound = amount >= 0 and fits_precision(amount, currency)
        except InvalidRequest:
            is_sound = False
        read = desk.evaluate("([text, ...more]) => readAmount(text, ...more)", [text, currency, precision(currency)])
        expected = int(amount.scaleb(precision(currency))) if is_sound else None
        assert read.get("units") == expected, text


def test_wrong_amount_is_explained_while_it_is_typed(desk: Page, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    open_confirmation(desk, payment)
    amount, error = desk.locator(f"[name=p{payment.pk}-amount]"), desk.locator(f"#id_p{payment.pk}-amount_error")

    amount.fill("99999")
    expect(error).to_have_text("₩99,999 is more than the refundable amount. Enter ₩10,000 or less.")
    expect(amount).to_have_accessible_description("₩99,999 is more than the refundable amount. Enter ₩10,000 or less.")
    expect(desk.locator("#refund-button")).to_be_disabled()
    amount.fill("4000원")
    amount.blur()
    expect(error).to_be_empty()
    expect(amount).to_have_value("4,000")
    expect(desk.locator("#refund-button")).to_have_text("Refund ₩4,000 for 1 order")
