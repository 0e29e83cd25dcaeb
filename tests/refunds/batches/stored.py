"""Store batches and orders in any state, without refunding anything."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from refunds.models import RefundBatch, RefundBatchItem
from tests.factories import make_payment, make_refund


def store_batch(**fields: Any) -> RefundBatch:
    started = {"status": "running", "started_at": timezone.now() - timedelta(minutes=5)}
    return RefundBatch.objects.create(**{"token": uuid.uuid4(), "requested_by_name": "kim", **started, **fields})


def store_order(
    batch: RefundBatch, status: str = "", *, paid: Any = None, refund: Any = None, **fields: Any
) -> RefundBatchItem:
    """Add an order of 10,000 won to the batch, with a refund of this status."""
    payment = make_payment(**(paid or {}))
    asked = {"status": status, "amount": payment.amount, **(refund or {})}
    record = make_refund(payment, **asked) if status else None
    return batch.items.create(payment=payment, expected_balance=payment.amount, refund=record, **fields)
