"""The figures and lines of a batch follow from its orders and their refunds, whatever state they are in."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from refunds.batches.outcomes import PAGE_SIZE, State, counts_of, lines_of
from refunds.models import RefundBatch, RefundBatchEvent, RefundBatchItem
from tests.factories import make_payment, make_refund
from tests.refunds.batches.stored import store_batch, store_order

pytestmark = pytest.mark.django_db

DOLLARS = {"currency": "USD", "amount": Decimal("12.50")}
ALL_STATES = dict.fromkeys(State, 1)


@pytest.fixture
def batch() -> RefundBatch:
    """One order in each state, and a row whose order is unknown; those that are refunded in two currencies."""
    batch = store_batch()
    store_order(batch, "succeeded", refund={"cancelled_amount": Decimal(9_000), "reversed_amount": Decimal(1_000)})
    for status in ("pending", "unknown", "requested"):
        store_order(batch, status)
    store_order(batch, "failed", error_code="refused_by_gateway")
    store_order(batch, error_code="balance_changed", message="It has changed.")
    store_order(batch, error_code="awaiting_approval")
    store_order(batch, excluded=True, error_code="already_refunded")
    batch.items.create(line=9, number="?", excluded=True, error_code="unknown_order")
    store_order(batch)
    store_order(batch, claimed_at=timezone.now())
    store_order(batch, "succeeded", paid=DOLLARS)
    store_order(batch, "succeeded", paid={"sandbox": True})
    store_order(batch, "requested", refund={"requested_at": timezone.now() - timedelta(hours=1)})
    return batch


def test_every_order_is_in_one_state_and_the_sums_add_up(
    batch: RefundBatch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(2):
        counts = counts_of(batch)

    found = {state: counts.count(state) for state in State}
    assert found == {**ALL_STATES, State.REFUNDED: 3, State.UNKNOWN: 2, State.PROBLEM: 2, State.WAITING: 2}
    assert (counts.total, counts.to_refund, counts.done, counts.tests) == (14, 12, 9, 1)
    assert counts.moved == {"KRW": 8_000, "USD": Decimal("12.50")}
    assert counts.figures[State.REFUNDED].sums == {"KRW": 10_000, "USD": Decimal("12.50")}
    assert sum(figure.sums.get("KRW", 0) for figure in counts.figures.values()) == 11 * 10_000


def test_refund_that_was_executed_late_counts_as_refunded(batch: RefundBatch) -> None:
    refused = batch.items.get(refund__status="failed").refund
    late = make_refund(refused.payment, source="console", amount=Decimal(4_000), late_for=refused)

    counts = counts_of(batch)

    assert counts.count(State.REFUSED) == 0
    assert counts.moved["KRW"] == 12_000
    (line,) = [line for line in lines_of(batch, State.REFUNDED) if line.payment == refused.payment]
    assert line.refund == late


def test_lines_are_read_by_state_and_page_with_their_reasons(
    batch: RefundBatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    RefundBatchItem.objects.bulk_create(
        RefundBatchItem(batch=batch, line=n, excluded=True, error_code="unknown_order") for n in range(PAGE_SIZE)
    )
    with django_assert_num_queries(1):
        every = lines_of(batch)
        assert [(line.code, line.message) for line in every if line.state is State.SKIPPED] == [
            ("balance_changed", "It has changed.")
        ]
    assert len(every) == PAGE_SIZE
    assert len(lines_of(batch, page=2)) == 14
    assert [line.item.line for line in lines_of(batch, State.PROBLEM, 2)] == [PAGE_SIZE - 2, PAGE_SIZE - 1]
    assert [line.code for line in lines_of(batch, State.UNKNOWN)] == ["outcome_unknown", "outcome_unknown"]


class TestTimeLeft:
    def done(self, batch: RefundBatch, seconds_ago: float, count: int = 10) -> None:
        at = timezone.now() - timedelta(seconds=seconds_ago)
        payments = [make_payment() for _ in range(count)]
        batch.items.bulk_create(
            RefundBatchItem(batch=batch, payment=one, error_code="x", done_at=at) for one in payments
        )

    def test_it_follows_from_the_last_minute(self) -> None:
        batch = store_batch()
        for _ in range(4):
            store_order(batch)
        self.done(batch, 200)
        self.done(batch, 3, count=30)
        counts = counts_of(batch)
        assert counts.per_second == pytest.approx(0.5, rel=0.05)
        assert counts.seconds_left == pytest.approx(8, abs=1)

    def test_it_is_measured_since_the_batch_was_resumed(self) -> None:
        batch = store_batch()
        store_order(batch)
        self.done(batch, 3)
        at = timezone.now() - timedelta(seconds=10)
        RefundBatchEvent.objects.create(batch=batch, code="resumed", at=at)
        assert counts_of(batch).per_second == pytest.approx(1.0, rel=0.05)

    @pytest.mark.parametrize(
        ("fields", "seconds_ago", "count"),
        [
            ({}, 3, 2),  # too few
            ({}, 30, 50),  # quiet since
            ({"status": "paused"}, 3, 50),
            ({"started_at": None}, 0, 50),  # just begun
        ],
    )
    def test_nothing_is_promised_without_knowing(self, fields: dict[str, Any], seconds_ago: float, count: int) -> None:
        just_now = timezone.now() + timedelta(minutes=1)  # however slowly this test runs
        fields = {name: just_now if value is None else value for name, value in fields.items()}
        batch = store_batch(**fields)
        store_order(batch)
        self.done(batch, seconds_ago, count)
        counts = counts_of(batch)
        assert (counts.per_second, counts.seconds_left) == (None, None)
