"""Count the orders of the batches of a list, and add up what was refunded, in one statement for the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from core.money import format_totals
from refunds.models import RefundBatch, RefundBatchItem, RefundStatus


@dataclass(slots=True)
class Totals:
    """Of one batch: its orders, those with a problem not counted, how many of them failed, and the money that was
    refunded and not taken back.

    Test payments are orders, but no money.
    """

    orders: int = 0
    problems: int = 0
    failed: int = 0
    refunded: dict[str, Decimal] = field(default_factory=dict)  # per currency, in major units

    @property
    def money(self) -> list[str]:
        return format_totals((amount, currency) for currency, amount in self.refunded.items() if amount)


def totals_of(batches: Sequence[RefundBatch]) -> dict[int, Totals]:
    """Return the totals of each of these batches, by its primary key."""
    found = {batch.pk: Totals() for batch in batches}
    late = "refund__late_record"  # a refund that had failed, and was executed after all
    moved = Coalesce(f"{late}__cancelled_amount", "refund__cancelled_amount", Decimal(0)) - Coalesce(
        f"{late}__reversed_amount", "refund__reversed_amount", Decimal(0)
    )
    rows = (
        RefundBatchItem.objects.filter(batch__in=found)
        .order_by()
        .values_list("batch", "payment__currency")
        .annotate(
            orders=Count("pk", filter=Q(excluded=False)),
            problems=Count("pk", filter=Q(excluded=True)),
            failed=Count("pk", filter=Q(refund__status=RefundStatus.FAILED, **{late: None})),
            moved=Sum(moved, filter=Q(payment__sandbox=False)),
        )
    )
    for pk, currency, orders, problems, failed, amount in rows:
        found[pk].orders += orders
        found[pk].problems += problems
        found[pk].failed += failed
        if currency and amount:
            found[pk].refunded[currency] = amount
    return found
