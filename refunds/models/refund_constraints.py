"""What the database refuses to keep as a refund."""

from django.db import models
from django.db.models import F, Q

from refunds.models.refund_states import RefundStatus

CONSTRAINTS = (
    models.UniqueConstraint(
        fields=["payment"],
        condition=Q(status__in=["requested", "pending", "unknown"]),
        name="one_live_refund_per_payment",
    ),
    models.UniqueConstraint(
        fields=["payment", "cancellation_id"],
        condition=~Q(cancellation_id=""),
        name="cancellation_booked_once",
    ),
    models.UniqueConstraint(
        fields=["requested_by", "idempotency_key"],
        condition=Q(idempotency_key__isnull=False),
        name="idempotency_key_used_once",
    ),
    # A refund of an approved batch that was not sent is tried again.
    models.UniqueConstraint(
        fields=["approval", "payment"],
        condition=Q(approval__isnull=False) & ~Q(status="failed"),
        name="refund_approved_once",
    ),
    # The command line has no account, and two of them without one are not the same to the one above.
    models.UniqueConstraint(
        fields=["idempotency_key"],
        condition=Q(requested_by=None, idempotency_key__isnull=False),
        name="command_key_used_once",
    ),
    models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
    models.CheckConstraint(condition=Q(status__in=RefundStatus.values), name="refund_status_known"),
    models.CheckConstraint(
        condition=(
            Q(
                status="succeeded",
                # A check passes on NULL, so "above 0" alone would let a missing amount through.
                cancelled_amount__isnull=False,
                cancelled_amount__gt=0,
                settled_at__isnull=False,
            )
            | Q(status="failed", cancelled_amount__isnull=True, settled_at__isnull=False)
            | Q(
                status__in=["requested", "pending", "unknown"],
                cancelled_amount__isnull=True,
                settled_at__isnull=True,
            )
        ),
        name="refund_amount_matches_status",
    ),
    models.CheckConstraint(
        condition=Q(reversed_amount=0)
        | Q(status="succeeded", reversed_amount__gt=0, reversed_amount__lte=F("cancelled_amount")),
        name="refund_reversed_within_refunded",
    ),
    models.CheckConstraint(
        condition=Q(status="succeeded") | Q(expected_by=None, not_received_at=None),
        name="refund_arrives_once_succeeded",
    ),
)
