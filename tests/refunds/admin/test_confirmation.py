"""The confirmation page: its contents, and its checks before a refund is sent."""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings

from payments.models import Payment
from refunds.admin.bulk_refund import confirmation as confirmation_page
from refunds.models import RefundBatch, RefundRecord
from tests.admin_pages import codes, confirmation, fill, sign_in, ticks
from tests.factories import ACCOUNT, make_payment, make_refund, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_staff("refund_payment", "view_payment"))


def test_page_shows_amounts_and_method_of_each_order(staff: Client) -> None:
    first = make_payment(amount=Decimal(30_000), cancel_amount=Decimal(10_000), name="Coffee")
    second = make_payment(pay_method="vbank", pg_provider="tosspayments")

    page = confirmation(staff, first, second)

    for text in ("₩30,000", "₩10,000", "₩20,000", "Coffee", "Virtual account", "Refund ₩30,000 for 2 orders"):
        assert text in page.text
    assert "₩10,000 + ₩300 fee. Total cost ₩10,300" in page.text
    assert page.has_field(second, "refund_account")
    assert not page.has_field(first, "refund_account")


def test_page_shows_the_lapsed_discount_of_a_promotion(staff: Client) -> None:
    payment = make_payment(has_promotion=True, cancel_amount=Decimal(4_500), lapsed_discount=Decimal(500))

    for text in (confirmation(staff, payment).text, staff.get(f"/admin/payments/payment/{payment.pk}/change/").text):
        assert "Discount on the refunded part</dt><dd>₩500" in text
        assert "₩5,000" in text


def test_option_to_keep_the_promotion_is_offered_as_it_was_taken(staff: Client) -> None:
    plain, first = make_payment(), make_payment(has_promotion=True, promotion_discount=Decimal(1_000))
    later = make_payment(has_promotion=True, promotion_discount=Decimal(1_000), cancel_amount=Decimal(1_000))
    make_refund(later, retain_promotion=True)

    page = confirmation(staff, plain, first, later)

    assert [page.has_field(payment, "retain_promotion") for payment in (plain, first, later)] == [False, True, True]
    ticked = [re.search(rf'name="p{payment.pk}-retain_promotion"[^>]*checked', page.text) for payment in (first, later)]
    assert [bool(found) for found in ticked] == [False, True]
    assert 'expected to receive <strong data-known="₩9,000">' in page.text


def test_orders_that_cannot_be_refunded_are_disabled_and_counted(staff: Client) -> None:
    good, failed = make_payment(), make_payment(status="failed")

    page = confirmation(staff, good, failed)

    assert "payment_failed" in codes(page.text)
    assert "1 of 2 orders will be skipped." in page.text
    assert not page.has_field(failed, "amount")
    assert "for 1 order" in page.text


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("abc", "invalid_amount"),
        ("1e400", "invalid_amount"),
        ("NaN", "invalid_amount"),
        ("1\x000", "invalid_amount"),
        ("9" * 5_000, "invalid_amount"),
        ("-1", "amount_not_positive"),
        ("0", "amount_not_positive"),
        ("0.5", "amount_too_precise"),
        ("10001", "amount_exceeds_balance"),
    ],
)
def test_wrong_amount_is_explained_at_its_field_and_kept(staff: Client, typed: str, code: str) -> None:
    payment = make_payment()
    page = confirmation(staff, payment)

    answer = fill(staff, page, {payment: {"amount": typed}}, do="refund")

    assert answer.status_code == 200
    assert f'data-code="{code}" data-field="amount"' in answer.text
    assert "not_sent" in codes(answer.text)
    assert not RefundRecord.objects.exists()
    assert not RefundBatch.objects.exists()


@pytest.mark.parametrize("reason", ["x" * 5_000, "a\x00b"])
def test_invalid_reason_is_explained_at_its_field(staff: Client, reason: str) -> None:
    payment = make_payment()
    answer = fill(staff, confirmation(staff, payment), {payment: {}}, reason=reason, do="refund")

    assert 'data-code="invalid_text" data-field="reason"' in answer.text
    assert not RefundBatch.objects.exists()


def test_missing_account_stops_the_whole_batch(staff: Client) -> None:
    card, vbank = make_payment(), make_payment(pay_method="vbank", pg_provider="tosspayments")
    page = confirmation(staff, card, vbank)
    assert "account_required" not in codes(page.text)

    answer = fill(staff, page, {card: {}, vbank: {"refund_holder": "홍길동"}}, do="refund")

    assert "account_required" in codes(answer.text)
    assert 'value="홍길동"' in answer.text
    assert not RefundRecord.objects.exists()


def test_naver_pay_needs_a_reason_at_the_shared_field(staff: Client) -> None:
    payment = make_payment(pay_method="naverpay", pg_provider="naverpay")
    page = confirmation(staff, payment)
    assert page.has_field(payment, "requester")

    answer = fill(staff, page, {payment: {}}, do="check")

    assert 'data-code="reason_required" data-field="reason"' in answer.text


def test_changed_balance_is_rejected_once(staff: Client) -> None:
    payment = make_payment()
    page = confirmation(staff, payment)
    Payment.objects.update(cancel_amount=4_000)

    answer = fill(staff, page, {payment: {}}, do="refund")

    assert "balance_changed" in codes(answer.text)
    assert f'name="p{payment.pk}-expected_balance" value="6000"' in answer.text
    assert not RefundRecord.objects.exists()


def test_preview_keeps_the_input_and_sends_nothing(staff: Client) -> None:
    payment = make_payment()
    answer = fill(staff, confirmation(staff, payment), {payment: {"amount": "4000"}}, reason="Broken", do="check")

    assert "checked" in codes(answer.text)
    assert 'value="4000"' in answer.text
    assert 'value="Broken"' in answer.text
    assert "Refund ₩4,000 for 1 order" in answer.text
    assert not RefundBatch.objects.exists()


def test_unselected_orders_are_not_refunded(staff: Client) -> None:
    first, second = make_payment(), make_payment()
    page = confirmation(staff, first, second)

    answer = fill(staff, page, {first: {}}, do="check")

    assert "Refund ₩10,000 for 1 order" in answer.text


def test_submitting_without_a_selection_shows_a_message(staff: Client) -> None:
    answer = fill(staff, confirmation(staff, make_payment()), {}, do="refund")
    assert "nothing_selected" in codes(answer.text)


@pytest.mark.parametrize("ids", ["", "abc", "0", "999999999999999999", "9" * 40, "-1", "²"])
def test_invalid_ids_show_an_empty_page(staff: Client, ids: str) -> None:
    answer = staff.get("/admin/payments/payment/refund/", {"ids": ids}, follow=True)
    assert answer.status_code == 200
    assert "No order to refund" in answer.text


def test_unknown_orders_are_reported(staff: Client) -> None:
    answer = staff.get("/admin/payments/payment/refund/", {"ids": f"{make_payment().pk},987654"}, follow=True)
    assert "payment_not_found" in codes(answer.text)


def test_more_than_fifty_orders_are_refused_with_a_message(staff: Client) -> None:
    ids = ",".join(map(str, range(1, 52)))
    answer = staff.get("/admin/payments/payment/refund/", {"ids": ids}, follow=True)
    assert "Select at most 50 at a time" in answer.text


def test_a_post_without_a_token_sends_nothing(staff: Client) -> None:
    payment = make_payment()
    data: dict[str, Any] = {f"p{payment.pk}-selected": "on", "do": "refund", "token": "junk"}

    answer = staff.post(f"/admin/payments/payment/refund/?ids={payment.pk}", data)

    assert answer.status_code == 302
    assert "token" in parse_qs(urlsplit(answer["Location"]).query)
    assert not RefundBatch.objects.exists()


def test_a_post_without_the_shown_balance_is_refused(staff: Client) -> None:
    payment = make_payment()
    page = confirmation(staff, payment)

    answer = fill(staff, page, {payment: {"expected_balance": ""}}, do="refund")

    assert answer.status_code == 200
    assert not RefundRecord.objects.exists()


def test_every_method_and_method_name_is_answered_without_an_error(staff: Client) -> None:
    payment = make_payment(pay_method="trans", pg_provider="smartro_v2", currency="USD", amount=Decimal("12.30"))
    page = confirmation(staff, payment)
    assert page.has_field(payment, "refund_tel")
    assert "$12.30" in page.text
    assert staff.put(page.url).status_code == 405


def test_enter_activates_the_preview_button_without_a_script(client: Client) -> None:
    page = confirmation(sign_in(client, make_staff("refund_payment", name="typist")), make_payment())
    assert re.findall(r'<button type="submit" name="do" value="([a-z]+)"', page.text)[0] == "check"


def test_doubtful_account_has_to_be_ticked_as_it_was_shown(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    page, typed = confirmation(staff, payment), ACCOUNT | {"refund_holder": "김철수"}

    shown = fill(staff, page, {payment: typed}).text
    assert {"not_sent", "account_holder_differs"} <= set(codes(shown))
    assert "rd-tick-error" in shown
    (tick,) = ticks(shown, payment)
    assert "not_sent" in codes(fill(staff, page, {payment: typed | {"read": tick, "refund_holder": "이도윤"}}).text)
    assert "cancel" not in sandbox.stats()

    fill(staff, page, {payment: typed | {"read": tick}})
    assert payment.refunds.get().status == "succeeded"


def test_warning_about_what_was_typed_has_to_be_ticked_for_that_amount(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, promotion={"id": "p", "discount": 1_000})
    page = confirmation(staff, payment)
    assert ticks(page.text, payment) == []
    assert 'data-known="₩9,000"' in page.text

    checked = fill(staff, page, {payment: {"amount": "4000"}}, do="check").text
    assert {"unread", "promotion_depends"} <= set(codes(checked))
    assert "checked" not in codes(checked)
    assert "less than ₩4,000" in checked
    shown = fill(staff, page, {payment: {"amount": "4000"}}).text
    assert ticks(shown, payment) == ticks(checked, payment)
    (tick,) = ticks(shown, payment)
    assert "not_sent" in codes(fill(staff, page, {payment: {"amount": "5000", "read": tick}}).text)
    assert "cancel" not in sandbox.stats()

    fill(staff, page, {payment: {"amount": "4000", "read": tick}})
    assert payment.refunds.get().amount == 4_000


@pytest.mark.parametrize("limit", [0, 5_000])
def test_warning_that_was_there_before_needs_no_tick_but_is_no_green_light(
    staff: Client, sandbox: SandboxServer, settings: Settings, limit: int
) -> None:
    settings.REFUND_APPROVAL_ABOVE = limit  # an order above it is shown without a tick
    payment = paid_at_sandbox(sandbox, pg_provider="kcp", paid_at=1_500_000_000)
    page = confirmation(staff, payment)
    assert 'data-warning="late_refund"' in page.text

    assert "rd-notice-success" not in fill(staff, page, {payment: {"amount": "4000"}}, do="check").text
    fill(staff, page, {payment: {"amount": "4000"}})

    assert payment.refunds.get().status == "succeeded"


def test_order_that_can_be_refunded_in_full_only_locks_its_amount_and_says_why(staff: Client) -> None:
    page = confirmation(staff, make_payment(pay_method="phone", pg_provider="danal"))
    assert re.search(r'value="10,000"[^>]* readonly', page.text)
    assert "Mobile phone payments can only be refunded in full" in page.text


def test_page_that_sent_nothing_is_shown_by_get_from_encrypted_input(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    page = confirmation(staff, payment)
    data = {"token": page.token, "do": "check", f"p{payment.pk}-selected": "on"}
    data |= {f"p{payment.pk}-{name}": value for name, value in ACCOUNT.items()}

    answer = staff.post(page.url, data)

    assert (answer.status_code, answer["Location"]) == (302, page.url)
    for _reload in range(2):
        assert ACCOUNT["refund_account"] in staff.get(page.url).text
    kept = [str(session.get_decoded()) for session in Session.objects.all()]
    assert "typed_refunds" in str(kept)
    assert not any(ACCOUNT[name] in text for text in kept for name in ("refund_account", "refund_holder"))
    fill(staff, page, {payment: ACCOUNT}, read=True)
    assert page.token not in str([session.get_decoded() for session in Session.objects.all()])


def test_a_slow_bank_is_asked_once_per_page(
    staff: Client, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmation_page, "SLOW_BANK", 0.0)
    payments = [paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis") for _ in range(3)]
    fill(staff, confirmation(staff, *payments), dict.fromkeys(payments, ACCOUNT), do="check")
    assert sandbox.stats()["holder"] == 1
