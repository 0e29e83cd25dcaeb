"""The admin's dashboard: refunds that need attention, with links to exactly these."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from monitoring.models import Heartbeat
from monitoring.worker import note_worker
from payments.models import Payment
from refunds.models import ReconciliationReport, RefundBatch, RefundRecord, RefundStatus
from tests.admin_pages import sign_in
from tests.factories import make_payment, make_staff

pytestmark = pytest.mark.django_db

HOME = "/admin/"


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_staff("refund_payment", "view_reconciliationreport"))


def make_refund(status: str, *, days_ago: int = 0, currency: str = "KRW", **fields: Any) -> RefundRecord:
    at = timezone.now() - timedelta(days=days_ago)
    done = {"cancelled_amount": Decimal(1_000), "cancelled_at": at, "settled_at": at}
    return RefundRecord.objects.create(
        payment=make_payment(currency=currency),
        status=status,
        source="admin",
        amount=1_000,
        checksum=10_000,
        requested_at=at,
        **(done if status == RefundStatus.SUCCEEDED else {}),
        **({"settled_at": at} if status == RefundStatus.FAILED else {}),
        **fields,
    )


def cards(client: Client) -> dict[str, Any]:
    answer: Any = client.get(HOME)
    return {card.code: card for card in answer.context["cards"]}


def test_empty_shop_shows_no_open_work(staff: Client) -> None:
    page = staff.get(HOME).text
    for text in (
        "None",
        "Not compared yet",
        "No open refunds",
        "No refunds yet",
        "₩0",
    ):
        assert text in page
    assert 'class="rd-chart"' not in page
    assert "No refund ended in this period." in page


@pytest.mark.parametrize(
    ("minutes", "language", "text"),
    [
        (None, "en", "No worker has been seen. Ask the server administrator"),
        (5, "en", "No worker has been seen since"),
        (5, "ko", "작업 프로세스가"),
        (2, "en", None),
    ],
)
def test_missing_worker_is_reported(staff: Client, minutes: int | None, language: str, text: str | None) -> None:
    if minutes is not None:
        note_worker()
        Heartbeat.objects.update(seen_at=timezone.now() - timedelta(minutes=minutes))

    page = staff.get(HOME, headers={"Accept-Language": language}).text

    assert ('data-code="worker_missing"' in page) == (text is not None)
    assert (text or "") in page


def test_each_card_links_to_the_rows_that_it_counts(staff: Client) -> None:
    make_refund(RefundStatus.PENDING)
    for _ in range(2):
        make_refund(RefundStatus.UNKNOWN, days_ago=1)
    make_refund(RefundStatus.UNKNOWN, days_ago=4, needs_review=True)
    for days_ago in (0, 6, 7):
        make_refund(RefundStatus.FAILED, days_ago=days_ago)
    for status in ("running", "paused", "done"):
        times = {"started_at": timezone.now(), "finished_at": timezone.now() if status == "done" else None}
        RefundBatch.objects.create(token=uuid.uuid4(), status=status, **times)

    found = cards(staff)

    expected = {
        "review": ("1", 1),
        "unknown": ("3", 3),
        "pending": ("1", 1),
        "failed": ("2", 2),
        "batches": ("2", 2),
    }
    for code, (figure, count) in expected.items():
        listed: Any = staff.get(found[code].url)
        assert (found[code].figure, len(listed.context["cl"].result_list)) == (figure, count), code
    assert len(staff.get(f"{found['review'].url}").context["cl"].result_list) == 1


def test_test_payments_are_in_no_number(staff: Client) -> None:
    for status in (RefundStatus.SUCCEEDED, RefundStatus.UNKNOWN):
        make_refund(status, needs_review=True)
    before = {code: (card.figure, card.note) for code, card in cards(staff).items()}
    for status in (RefundStatus.SUCCEEDED, RefundStatus.UNKNOWN, RefundStatus.PENDING):
        refund = make_refund(status, needs_review=True)
        Payment.objects.filter(pk=refund.payment_id).update(sandbox=True)
    assert {code: (card.figure, card.note) for code, card in cards(staff).items()} == before
    listed: Any = staff.get(cards(staff)["review"].url)
    assert len(listed.context["cl"].result_list) == 2


def test_lists_show_the_newest_and_the_longest_open_refunds(staff: Client) -> None:
    make_refund(RefundStatus.SUCCEEDED, days_ago=9)
    old = make_refund(RefundStatus.UNKNOWN, days_ago=6)
    new = make_refund(RefundStatus.PENDING, reason="Wrong size", requested_by_name="Lee")
    Payment.objects.filter(pk=new.payment_id).update(buyer_name="Kim")
    answer: Any = staff.get(HOME)
    context = answer.context
    row = re.sub(r"<[^>]+>", "", answer.text)
    assert "Kim · Card ·" in row
    assert "Wrong size · Lee" in row
    assert list(context["newest"])[:2] == [new, old]
    assert list(context["oldest"]) == [old, new]
    listed: Any = staff.get(context["open_url"])
    assert set(listed.context["cl"].result_list) == {old, new}


def test_latest_report_is_shown_with_the_permission(client: Client) -> None:
    now = timezone.now()
    report = ReconciliationReport.objects.create(since=now, until=now, started_at=now, finished_at=now, found=2)
    sign_in(client, make_staff("view_refundrecord"))
    assert "drift" not in cards(client)
    sign_in(client, make_staff("view_refundrecord", "view_reconciliationreport", name="auditor"))
    card = cards(client)["drift"]
    assert "2 unresolved" in card.figure
    assert card.url == f"/admin/refunds/reconciliationreport/{report.pk}/change/"


def test_dashboard_shows_no_figures_without_the_permission(client: Client) -> None:
    make_refund(RefundStatus.PENDING)
    sign_in(client, make_staff("view_user"))
    answer: Any = client.get(HOME)
    assert answer.status_code == 200
    assert "cards" not in answer.context
    assert "data-card" not in answer.text


def test_many_refunds_cost_no_more_queries_than_few(
    staff: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        make_refund(RefundStatus.PENDING, needs_review=bool(number % 2))
        make_refund(RefundStatus.SUCCEEDED, days_ago=number)
    staff.get(HOME)
    with django_assert_max_num_queries(19):
        staff.get(HOME)
