"""The payment list with refunds, the ledger, and their detail pages."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from payments.models import Payment
from refunds.admin.timeline import REFUNDS_SHOWN
from refunds.ledger import add_event
from refunds.models import RefundRecord, RefundSource, RefundStatus
from tests.admin_pages import REFUND_URL, sign_in
from tests.factories import make_payment, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

PAYMENTS = "/admin/payments/payment/"
LEDGER = "/admin/refunds/refundrecord/"


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_staff("refund_payment", "view_payment", "view_refundrecord"))


def make_refund(payment: Payment, status: str = RefundStatus.SUCCEEDED, **fields: Any) -> RefundRecord:
    final = status in (RefundStatus.SUCCEEDED, RefundStatus.FAILED)
    return RefundRecord.objects.create(
        payment=payment,
        status=status,
        source=RefundSource.ADMIN,
        amount=Decimal(1_000),
        checksum=payment.amount,
        cancelled_amount=Decimal(1_000) if status == RefundStatus.SUCCEEDED else None,
        requested_at=timezone.now(),
        settled_at=timezone.now() if final else None,
        **fields,
    )


def listed(client: Client, url: str, **query: str) -> set[str]:
    answer: Any = client.get(url, query)
    assert answer.status_code == 200
    return {str(row) for row in answer.context["cl"].result_list}


def test_hundred_rows_need_as_many_queries_as_one(
    staff: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(100):
        make_refund(make_payment(merchant_uid=f"many-{number}"), RefundStatus.PENDING)
    staff.get(PAYMENTS)

    with django_assert_max_num_queries(9):
        assert "Refund in progress" in staff.get(PAYMENTS).text
    with django_assert_max_num_queries(10):  # three for the reasons, persons and tokens to filter by
        staff.get(LEDGER)


def test_unpaid_order_is_listed_at_the_time_it_was_first_seen(staff: Client) -> None:
    now = timezone.now()
    make_payment(merchant_uid="yesterday", paid_at=now - timedelta(days=1))
    make_payment(merchant_uid="unpaid", status="failed", paid_at=None)
    make_payment(merchant_uid="tomorrow", paid_at=now + timedelta(days=1))
    Payment.objects.filter(merchant_uid="unpaid").update(created_at=now)

    answer: Any = staff.get(PAYMENTS)

    shown = [payment.merchant_uid for payment in answer.context["cl"].result_list]
    assert shown == ["tomorrow", "unpaid", "yesterday"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("in_progress", {"busy"}),
        ("attention", {"lost", "odd"}),
        ("failed", {"refused"}),
        ("nonsense", set()),
    ],
)
def test_refund_filter_selects_orders_by_their_refunds(staff: Client, choice: str, expected: set[str]) -> None:
    make_payment(merchant_uid="plain")
    make_refund(make_payment(merchant_uid="busy"), RefundStatus.PENDING)
    make_refund(make_payment(merchant_uid="lost"), RefundStatus.UNKNOWN)
    make_refund(make_payment(merchant_uid="refused"), RefundStatus.FAILED)
    make_refund(make_payment(merchant_uid="odd", cancel_amount=1_000), needs_review=True)

    found = listed(staff, PAYMENTS, refund=choice)

    assert {name.partition(" ")[0] for name in found} == expected


def test_the_action_leads_to_the_confirmation_page(staff: Client) -> None:
    payment = make_payment()
    answer = staff.post(PAYMENTS, {"action": "refund_orders", "_selected_action": payment.pk})
    assert answer["Location"].startswith(f"{REFUND_URL}?ids={payment.pk}&next=")


def test_a_row_leads_to_its_refund_and_back_unless_nothing_can_be_refunded_now(staff: Client) -> None:
    payment = make_payment()
    make_payment(cancel_amount=10_000, status="cancelled")
    make_refund(make_payment(), RefundStatus.PENDING)

    rows: Any = staff.get(PAYMENTS, {"o": "-4"}).context["cl"].result_list

    back = quote(f"{PAYMENTS}?o=-4", safe="")
    assert {row.refund_url for row in rows if hasattr(row, "refund_url")} == {
        f"{REFUND_URL}?ids={payment.pk}&next={back}"
    }


def test_a_check_of_many_names_only_those_that_do_not_agree(staff: Client, sandbox: SandboxServer) -> None:
    payments = [paid_at_sandbox(sandbox) for _number in range(3)]
    sandbox.console_cancel(payments[0].imp_uid, 1_000, "console")
    data = {"action": "check_orders", "_selected_action": [payment.pk for payment in payments]}

    answer: Any = staff.post(PAYMENTS, data, follow=True)

    shown = {message.extra_tags: str(message) for message in answer.context["messages"]}
    assert shown.keys() == {"imported", "agrees"}
    assert payments[0].merchant_uid in shown["imported"]
    assert shown["agrees"].startswith("2 agree")


def test_the_box_of_a_row_is_named_after_its_order(staff: Client) -> None:
    make_payment(merchant_uid="named-1")
    assert 'aria-label="Select named-1"' in staff.get(PAYMENTS).text


def test_all_pages_of_up_to_fifty_matches_are_refunded_on_one_page_and_more_in_bulk(staff: Client) -> None:
    for _number in range(30):
        make_payment()
    data = {"action": "refund_orders", "select_across": "1", "_selected_action": Payment.objects.first().pk}  # type: ignore[union-attr]

    assert staff.post(PAYMENTS, data)["Location"].count(",") == 29

    for _number in range(21):
        make_payment()
    assert "/refunds/refundbatch/" in staff.post(PAYMENTS, data)["Location"]


def test_a_payments_page_shows_its_refunds_and_the_button(staff: Client) -> None:
    payment = make_payment(receipt_url="javascript:alert(1)", cancel_amount=1_000)
    refund = make_refund(payment, RefundStatus.SUCCEEDED, reason="Late <b>delivery</b>", requested_by_name="mina")

    page = staff.get(f"{PAYMENTS}{payment.pk}/change/").text

    for text in (refund.number, "mina", "Late &lt;b&gt;delivery&lt;/b&gt;", "₩9,000", "Refund…"):
        assert text in page
    assert "javascript:alert" not in page


def test_a_payments_page_shows_its_latest_refunds_and_links_to_the_others(staff: Client) -> None:
    payment = make_payment()
    refunds = [make_refund(payment, RefundStatus.FAILED) for _number in range(REFUNDS_SHOWN)]
    page = f"{PAYMENTS}{payment.pk}/change/"
    assert "Show all refunds" not in staff.get(page).text
    newest = make_refund(payment, RefundStatus.FAILED)

    text = staff.get(page).text
    assert refunds[0].number not in text
    assert all(refund.number in text for refund in (refunds[1], newest))
    assert f"{LEDGER}?q={payment.imp_uid}" in text
    assert len(listed(staff, LEDGER, q=payment.imp_uid)) > 0


def test_refund_button_is_hidden_when_nothing_is_refundable(staff: Client) -> None:
    payment = make_payment(cancel_amount=10_000, status="cancelled")
    assert "Refund…" not in staff.get(f"{PAYMENTS}{payment.pk}/change/").text


@pytest.mark.parametrize("object_id", ["0", "abc", "9" * 30])
def test_unknown_payment_causes_no_server_error(staff: Client, object_id: str) -> None:
    assert staff.get(f"{PAYMENTS}{object_id}/change/").status_code in (302, 404)
    assert staff.get(f"{PAYMENTS}refund/", {"ids": object_id}, follow=True).status_code == 200


def test_a_refunds_page_shows_its_timeline(staff: Client) -> None:
    refund = make_refund(make_payment(), RefundStatus.PENDING, refund_bank="088", refund_account_last4="6789")
    add_event(refund, code="requested", now=timezone.now(), actor="mina")
    # Recorded by a user of the Korean pages, or by the worker.
    add_event(refund, code="accepted", now=timezone.now(), message="아임포트에 접수되었습니다.")

    page = staff.get(f"{LEDGER}{refund.pk}/change/").text

    assert page.index("the PG completes it later.") < page.index("Refund requested")
    assert "접수되었습니다" not in page
    assert "•••• 6789" in page
    assert "Shinhan" in page


def test_the_ledger_is_searched_by_number_order_and_payment(staff: Client) -> None:
    refund = make_refund(make_payment(merchant_uid="find-me-1", imp_uid="imp_find_1"))
    make_refund(make_payment())

    for text in (refund.number, refund.number[:6].lower(), "find-me", "imp_find"):
        assert listed(staff, LEDGER, q=text) == {str(refund)}
    assert listed(staff, LEDGER, q="nowhere") == set()
    assert listed(staff, PAYMENTS, q=refund.number.lower()) == {str(refund.payment)}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": "failed"}, 1),
        ({"status": "junk"}, 0),
        ({"source": "admin"}, 2),
        ({"source": "api"}, 0),
        ({"review": "needed"}, 1),
        ({"requested_at_from": "2020-01-01", "requested_at_to": "2020-12-31"}, 0),
        ({"requested_at_from": "0001-01-01", "requested_at_to": "9999-12-31"}, 2),
    ],
)
def test_the_ledger_is_filtered(staff: Client, query: dict[str, str], count: int) -> None:
    make_refund(make_payment(), RefundStatus.FAILED)
    make_refund(make_payment(), needs_review=True)
    assert len(listed(staff, LEDGER, **query)) == count
