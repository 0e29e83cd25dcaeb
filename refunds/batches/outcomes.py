"""The current outcome of each order of a batch."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from payments.models import Payment
from refunds.errors import RefundNotAllowed, RefundOutcomeUnknown
from refunds.lease import lease_is_over
from refunds.messages import UNKNOWN, message_of
from refunds.models import RefundBatch, RefundBatchItem, RefundRecord, RefundStatus


class State(Enum):
    """State of one order of a batch."""

    REFUNDED = "refunded"
    PENDING = "pending"  # accepted, the PG decides later
    UNKNOWN = "unknown"
    RUNNING = "running"
    REFUSED = "refused"
    WAITING = "waiting"


_STATE_OF = {
    RefundStatus.SUCCEEDED: State.REFUNDED,
    RefundStatus.PENDING: State.PENDING,
    RefundStatus.UNKNOWN: State.UNKNOWN,
    RefundStatus.REQUESTED: State.RUNNING,
    RefundStatus.FAILED: State.REFUSED,
}


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """One order of a batch and what became of it. `code` and `message` say why it was not refunded."""

    payment: Payment
    state: State
    requested: Decimal | None  # major units, as confirmed by the requester
    refund: RefundRecord | None
    code: str = ""
    message: str = ""


def find_batch(token: UUID) -> RefundBatch | None:
    """Return the batch that this token made, if it made one."""
    return RefundBatch.objects.select_related("requested_by").filter(token=token).first()


def outcomes(batch: RefundBatch) -> list[BatchOutcome]:
    """Return the outcome of each order as it is now: a refund may be settled long after its request."""
    items = list(batch.items.select_related("payment", "refund"))
    keys = [key_of(batch, item) for item in items if item.refund is None]
    records = RefundRecord.objects.filter(requested_by=batch.requested_by, idempotency_key__in=keys)
    made = {record.idempotency_key: record for record in records}
    return [_outcome(batch, item, item.refund or made.get(key_of(batch, item))) for item in items]


def record_of(batch: RefundBatch, item: RefundBatchItem) -> RefundRecord | None:
    """Return the refund that this order's idempotency key made, if it made one."""
    key = key_of(batch, item)
    return RefundRecord.objects.filter(requested_by_id=batch.requested_by_id, idempotency_key=key).first()


def key_of(batch: RefundBatch, item: RefundBatchItem) -> str:
    """Return the idempotency key of this order's refund."""
    return f"batch:{batch.token}:{item.payment_id}"


def _outcome(batch: RefundBatch, item: RefundBatchItem, record: RefundRecord | None) -> BatchOutcome:
    requested = item.expected_balance if item.amount is None else item.amount
    if record is None:
        state = State.REFUSED if item.error_code else State.WAITING
        return BatchOutcome(item.payment, state, requested, None, item.error_code, _reason(batch, item))
    state = _STATE_OF[RefundStatus(record.status)]
    if state is State.RUNNING and lease_is_over(record, timezone.now()):
        state = State.UNKNOWN
    code, message = record.error_code or item.error_code, message_of(record) or item.message
    if state in (State.REFUNDED, State.PENDING):
        code, message = "", message_of(record)
    elif state is State.UNKNOWN:
        code, message = RefundOutcomeUnknown.code, str(UNKNOWN)
    return BatchOutcome(item.payment, state, requested, record, code, message)


def _reason(batch: RefundBatch, item: RefundBatchItem) -> str:
    """Return why nothing was requested. It names the requester, since others read the outcome too."""
    if item.error_code != RefundNotAllowed.code:
        return item.message
    message = _("%(who)s was not allowed to refund payments when this order's turn came.")
    return message % {"who": batch.requested_by.get_username()}
