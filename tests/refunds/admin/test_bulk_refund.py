"""Refunding from the admin: each press moves money once, and the result page says what became of each order."""

import threading
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django import Settings

from core.admin.log import told
from payments.models import Payment
from refunds.admin.bulk_refund import views
from refunds.batches import execute
from refunds.models import RefundBatch, RefundBatchItem, RefundRecord, RefundSource
from refunds.services.refund import request_refund
from tests.admin_pages import REFUND_URL, Page, codes, confirmation, fill, links, sign_in, states
from tests.factories import ACCOUNT, ACCOUNT_DIGITS, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("eager_worker")]

LIST = "/admin/payments/payment/"


@pytest.fixture
def user() -> User:
    return make_staff("refund_payment", "view_payment", "view_refundrecord")


@pytest.fixture
def staff(client: Client, user: User) -> Client:
    return sign_in(client, user)


def refund(staff: Client, *payments: Payment, **typed: str) -> str:
    """Refund these orders and return the result page."""
    page = confirmation(staff, *payments)
    answer = fill(staff, page, dict.fromkeys(payments, typed), reason="Out of stock")
    assert answer.status_code == 302, codes(answer.text)
    shown: Any = staff.get(answer["Location"])
    return str(shown.text)


def test_several_orders_are_refunded_and_reported(staff: Client, user: User, sandbox: SandboxServer) -> None:
    first, second = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox, amount=25_000)
    page = confirmation(staff, first, second)

    answer = fill(staff, page, {first: {"amount": "4,000"}, second: {}}, reason="Out of stock")
    result = staff.get(answer["Location"]).text

    assert states(result) == {first.merchant_uid: "refunded", second.merchant_uid: "refunded"}
    assert "₩29,000" in result
    assert "₩6,000" in result
    record = RefundRecord.objects.get(payment=first)
    assert (record.source, record.requested_by, record.requested_by_name) == (RefundSource.ADMIN, user, "staff")
    assert sandbox.payment(first.imp_uid)["cancel_amount"] == 4_000


def test_the_log_entry_of_a_batch_has_no_account_data(staff: Client, user: User, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="tosspayments")

    refund(staff, payment, **ACCOUNT)

    entry = LogEntry.objects.get()
    item = RefundBatchItem.objects.get()
    assert (entry.user, entry.object_id) == (user, str(item.batch_id))
    assert told(entry) == "Bulk refund prepared. Orders: 1"
    assert (item.refund, item.encrypted_account) == (payment.refunds.get(), "")
    assert ACCOUNT_DIGITS not in str(vars(entry)) + str(vars(item))


def test_the_log_is_committed_before_money_moves(
    staff: Client, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, int, int]] = []

    def look(**_request: Any) -> RefundRecord:
        seen.append((connection.in_atomic_block, LogEntry.objects.count(), RefundBatchItem.objects.count()))
        raise KeyError("a bug")

    monkeypatch.setattr(execute, "request_refund", look)
    result = refund(staff, paid_at_sandbox(sandbox), paid_at_sandbox(sandbox))

    assert seen == [(False, 1, 2), (False, 1, 2)]
    assert set(states(result).values()) == {"skipped"}
    assert "unexpected_error" in codes(result)


def test_the_same_form_sent_twice_refunds_once(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    page = confirmation(staff, payment)

    first = fill(staff, page, {payment: {"amount": "3000"}})
    again = fill(staff, page, {payment: {"amount": "3000"}})

    assert first["Location"] == again["Location"]
    assert RefundRecord.objects.count() == LogEntry.objects.count() == 1
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 3_000


def test_going_back_leads_to_the_result_and_not_to_a_fresh_form(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    page = confirmation(staff, payment)
    result = fill(staff, page, {payment: {"amount": "3000"}})

    back: Any = staff.get(page.url, follow=True)

    assert back.redirect_chain[-1][0] == result["Location"]
    assert "Nothing was refunded again" in back.text


def test_reloading_the_result_asks_for_nothing_again(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    result = fill(staff, confirmation(staff, payment), {payment: {}})["Location"]
    before = sandbox.stats()

    for _time in range(3):
        assert staff.get(result).status_code == 200

    assert sandbox.stats() == before
    assert staff.post(result).status_code == 405


def test_two_presses_at_once_refund_once(user: User, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    page = confirmation(sign_in(Client(), user), payment)
    sandbox.fault("cancel", "latency", seconds=0.3)
    start, locations = threading.Barrier(2), []

    def press() -> None:
        client = sign_in(Client(), user)
        start.wait()
        locations.append(fill(client, page, {payment: {"amount": "2000"}})["Location"])
        connection.close()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(locations) == 2
    assert len(set(locations)) == 1
    assert RefundBatch.objects.count() == RefundRecord.objects.count() == 1
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 2_000


def test_a_press_that_meets_the_refund_of_the_other_press_leads_to_its_result(
    user: User, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_at_sandbox(sandbox)
    page = confirmation(sign_in(Client(), user), payment)
    load, locations = views._payments, []

    def press() -> None:
        locations.append(fill(sign_in(Client(), user), page, {payment: {"amount": "2000"}})["Location"])

    def after_the_other_press(*given: Any) -> Any:
        monkeypatch.setattr(views, "_payments", load)
        press()
        return load(*given)

    monkeypatch.setattr(views, "_payments", after_the_other_press)
    press()

    assert len(locations) == 2
    assert len(set(locations)) == 1
    assert RefundBatch.objects.count() == RefundRecord.objects.count() == 1


@pytest.mark.parametrize(
    ("fault", "state", "code", "counted", "follows"),
    [
        ("refuse", "refused", "refused_by_gateway", "1 failed", False),
        ("drop_after", "unknown", "outcome_unknown", "1 with outcome unknown", True),
        ("accept_later", "pending", "", "1 waiting for the PG", True),
    ],
)
def test_each_outcome_is_shown_and_stops_no_other_order(
    staff: Client,
    sandbox: SandboxServer,
    settings: Settings,
    fault: str,
    state: str,
    code: str,
    counted: str,
    follows: bool,
) -> None:
    settings.BULK_CONCURRENCY = 1
    bad, good = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox)
    sandbox.fault("cancel", fault, times=1)

    result = refund(staff, bad, good)

    assert states(result) == {bad.merchant_uid: state, good.merchant_uid: "refunded"}
    assert codes(result) == ([code] if code else [])
    assert f"2 of 2 requested: 1 refunded, {counted}" in result
    assert ("data-follow" in result) is follows
    assert ('"Still refundable">₩10,000<' in result) is not follows  # nobody knows what is left while it is open
    assert RefundBatchItem.objects.get(payment=bad).error_code == code


def test_a_refusal_shows_imports_own_words(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "refuse", times=1, message="한도 초과")

    assert "한도 초과" in refund(staff, payment)


def test_a_balance_that_changes_after_the_check_is_refused(
    staff: Client, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_at_sandbox(sandbox)

    def slow(**request: Any) -> RefundRecord:
        Payment.objects.update(cancel_amount=1_000)
        return request_refund(**request)

    monkeypatch.setattr(execute, "request_refund", slow)
    result = refund(staff, payment)

    assert codes(result) == ["balance_changed"]
    assert "₩10,000" in result  # as confirmed, not what is left
    assert "cancel" not in sandbox.stats()


def test_an_unknown_outcome_can_be_checked_from_the_result_page(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_after", times=1)
    refund(staff, payment)
    result = staff.get(f"/admin/refunds/refundbatch/{RefundBatch.objects.get().token}/")
    assert "Check with i'mport" in result.text

    shown: Any = staff.post(
        "/admin/payments/payment/check/", {"ids": str(payment.pk), "next": result.request["PATH_INFO"]}, follow=True
    )

    assert states(shown.text) == {payment.merchant_uid: "refunded"}
    assert "The refund was executed." in shown.text


def test_the_filtered_list_is_reached_again_from_the_confirmation_and_from_the_result(
    staff: Client, sandbox: SandboxServer
) -> None:
    payment = paid_at_sandbox(sandbox)
    filtered = f"{LIST}?q={payment.merchant_uid}&p=1"

    answer: Any = staff.post(filtered, {"action": "refund_orders", "_selected_action": payment.pk}, follow=True)
    page = Page(answer.redirect_chain[-1][0], answer.text)
    result = staff.get(fill(staff, page, {payment: {}})["Location"])
    again: Any = staff.get(page.url, follow=True)

    assert [links(shown.text, "Back") for shown in (answer, result, again)] == [[filtered]] * 3


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/admin/", "//evil.example/admin/", "/\\evil.example", "javascript:alert(1)", "/"]
)
def test_a_way_back_that_leaves_the_admin_is_not_taken(staff: Client, sandbox: SandboxServer, elsewhere: str) -> None:
    payment = paid_at_sandbox(sandbox)
    answer: Any = staff.get(REFUND_URL, {"ids": payment.pk, "next": elsewhere}, follow=True)

    assert links(answer.text, "Back") == [LIST]
