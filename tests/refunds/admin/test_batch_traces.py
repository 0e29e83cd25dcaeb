"""An order's pages and the overview show the bulk refunds that it is part of."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from refunds.models import RefundBatch, RefundBatchEvent
from tests.admin_pages import sign_in
from tests.factories import make_staff
from tests.refunds.batches.stored import store_batch, store_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_staff("view_payment", "view_refundrecord", "refund_payment"))


def page_of(batch: RefundBatch) -> str:
    return f"/admin/refunds/refundbatch/{batch.token}/"


def test_a_payment_shows_each_of_its_bulk_refunds_with_the_reason(staff: Client) -> None:
    recall, concert = store_batch(title="recall.xlsx"), store_batch(title="concert.xlsx")
    item = store_order(recall, error_code="balance_changed", message="It has changed since.")
    concert.items.create(payment=item.payment, excluded=True, error_code="x", message="Already refunded.")

    text = staff.get(f"/admin/payments/payment/{item.payment_id}/change/").text

    shown = re.search(r'id="refund-timeline">.*?</section>', text, re.DOTALL)
    assert shown
    assert sorted(re.findall(r'<li [^>]*data-state="(\w+)"', shown[0])) == ["problem", "skipped"]
    for words in ("recall.xlsx", page_of(recall), "Bulk refund: Skipped", "It has changed since.", page_of(concert)):
        assert words in shown[0]


def test_timeline_of_a_refund_has_the_events_of_its_batch_until_it_was_settled(staff: Client) -> None:
    batch = store_batch(title="recall.xlsx")
    item = store_order(batch, "succeeded")
    for code, minutes in (("started", -5), ("paused", -3), ("resumed", -2), ("finished", 5)):
        at = timezone.now() + timedelta(minutes=minutes)
        RefundBatchEvent.objects.create(batch=batch, code=code, at=at, actor="kim")

    text = staff.get(f"/admin/refunds/refundrecord/{item.refund_id}/change/").text

    assert text.count(page_of(batch)) == 3
    for title in ("Bulk refund started", "Bulk refund paused", "Bulk refund resumed"):
        assert title in text
    assert "Bulk refund finished" not in text


def test_overview_leads_to_the_open_bulk_refunds(staff: Client) -> None:
    store_batch(status="done")
    assert 'data-card="batches"' not in staff.get("/admin/").text

    store_batch()
    store_batch(status="paused")

    card = re.search(r'<a [^>]*data-card="batches".*?</a>', staff.get("/admin/").text, re.DOTALL)
    assert card
    for words in ("/admin/refunds/refundbatch/?status=open", ">2<", "1 paused"):
        assert words in card[0]
