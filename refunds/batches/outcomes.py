"""Tell what became of each order of a batch, as it is now: a refund may be settled long after its request.

The database tells the state of an order from its row and its refund's, so that 20,000 orders are counted in one
statement and read 100 at a time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from math import ceil
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Case, CharField, Count, Max, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core import clock
from core.database.chunks import in_chunks
from core.sentences import sentence as gettext
from payments.models import Payment
from refunds.errors import RefundNotAllowed, RefundOutcomeUnknown
from refunds.messages import UNKNOWN, message_of
from refunds.models import ApprovalStatus, BatchStatus, RefundBatch, RefundBatchItem, RefundRecord, RefundStatus
from refunds.services.approval_requests import AWAITING

PAGE_SIZE = 100
_BATCHES_SHOWN = 20  # of one payment
_CHUNK = 500
# The speed is that of the last minute; after so long without an outcome nobody knows when the batch ends.
_MEASURED, _QUIET = timedelta(seconds=60), timedelta(seconds=15)
_FEWEST = 5  # outcomes and seconds, to measure a speed by


class State(Enum):
    """State of one order of a batch."""

    REFUNDED = "refunded"
    PENDING = "pending"  # accepted, the PG decides later
    UNKNOWN = "unknown"
    RUNNING = "running"
    REFUSED = "refused"  # a refund was recorded and failed
    SKIPPED = "skipped"  # nothing was requested: the order has changed since the check, or its turn never came
    AWAITING = "awaiting"  # its own refund waits for approval by a second person
    PROBLEM = "problem"  # not part of the batch: the check found a problem, or it was left out
    WAITING = "waiting"


LABELS: Mapping[State, str | Promise] = {
    State.REFUNDED: RefundStatus.SUCCEEDED.label,
    State.PENDING: RefundStatus.PENDING.label,
    State.UNKNOWN: RefundStatus.UNKNOWN.label,
    State.RUNNING: RefundStatus.REQUESTED.label,
    State.REFUSED: RefundStatus.FAILED.label,
    State.SKIPPED: pgettext_lazy("order of a bulk refund", "Skipped"),
    State.AWAITING: ApprovalStatus.WAITING.label,
    State.PROBLEM: pgettext_lazy("order of a bulk refund", "Problem"),
    State.WAITING: _("Waiting"),
}
WITHOUT_END = (State.PENDING, State.UNKNOWN, State.RUNNING, State.WAITING)


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """One order of a batch and what became of it. `code` and `message` say why it was not refunded."""

    item: RefundBatchItem
    state: State
    refund: RefundRecord | None
    code: str = ""
    message: str = ""

    @property
    def payment(self) -> Payment | None:
        """The order's payment; None for a row whose order was not found."""
        return self.item.payment

    @property
    def requested(self) -> Decimal | None:
        """Return what was requested, in major units; None if that is not known."""
        return self.item.expected_balance if self.item.amount is None else self.item.amount


@dataclass(slots=True)
class Figure:
    """Number of orders, and what was requested for them per currency in major units, without test payments."""

    count: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """The figures of a batch. Every order is in one state, so that they add up."""

    figures: Mapping[State, Figure]  # of all states
    moved: Mapping[str, Decimal]  # refunded and not taken back, per currency, without test payments
    tests: int  # orders of test payments
    per_second: float | None  # orders done; None: not running, or not known
    seconds_left: int | None  # None: no promise can be made

    def count(self, *states: State) -> int:
        return sum(self.figures[state].count for state in states)

    @property
    def total(self) -> int:
        """All rows, with those that have a problem."""
        return self.count(*State)

    @property
    def to_refund(self) -> int:
        """The orders that belong to the batch: all without a problem."""
        return self.total - self.count(State.PROBLEM)

    @property
    def done(self) -> int:
        """The orders whose turn is over, whatever became of them."""
        return self.to_refund - self.count(State.RUNNING, State.WAITING)

    @property
    def is_settled(self) -> bool:
        return not self.count(*WITHOUT_END)


def find_batch(token: UUID) -> RefundBatch | None:
    """Return the batch that this token made, if it made one."""
    return RefundBatch.objects.select_related("requested_by").filter(token=token).first()


def counts_of(batch: RefundBatch) -> BatchCounts:
    """Count and add up the orders of a batch by state."""
    now = clock.database_now()
    since = _measured_since(batch, now)
    moved = Coalesce("refund__late_record__cancelled_amount", "refund__cancelled_amount", Decimal(0)) - Coalesce(
        "refund__late_record__reversed_amount", "refund__reversed_amount", Decimal(0)
    )
    is_recent = Q(done_at__gte=since or now, excluded=False)
    rows = list(
        _with_states(batch.items.all(), now)
        .order_by()
        .values_list("state", "payment__currency", "payment__sandbox")
        .annotate(
            count=Count("pk"),
            requested=Sum(Coalesce("amount", "expected_balance", Decimal(0))),
            moved=Sum(moved),
            recent=Count("pk", filter=is_recent),
            latest=Max("done_at", filter=is_recent),
        )
    )
    figures = {state: Figure() for state in State}
    totals: dict[str, Decimal] = {}
    for state, currency, is_test, count, requested, refunded, _recent, _latest in rows:
        figures[State(state)].count += count
        if currency is not None and not is_test:
            sums = figures[State(state)].sums
            sums[currency] = sums.get(currency, Decimal(0)) + requested
            if State(state) is State.REFUNDED:
                totals[currency] = totals.get(currency, Decimal(0)) + refunded
    recent, latest = sum(row[-2] for row in rows), max((row[-1] for row in rows if row[-1]), default=None)
    speed = _speed(recent, latest, since, now)
    left = figures[State.WAITING].count + figures[State.RUNNING].count
    return BatchCounts(
        figures=figures,
        moved=totals,
        tests=sum(row[3] for row in rows if row[2]),
        per_second=speed,
        seconds_left=None if speed is None else ceil(left / speed),
    )


def lines_of(batch: RefundBatch, state: State | None = None, page: int = 1) -> list[BatchOutcome]:
    """Return one page of the orders, `PAGE_SIZE` of them, in the order of the rows."""
    found = _items(batch, *([] if state is None else [state]))
    return list(_outcomes(batch, found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]))


def all_lines(batch: RefundBatch, *states: State) -> Iterator[BatchOutcome]:
    """Yield all orders, or those in one of these states, in bounded memory."""
    return _outcomes(batch, in_chunks(_items(batch, *states), _CHUNK))


def batch_lines_of_payment(payment: Payment) -> list[BatchOutcome]:
    """Return what became of this payment in each of its latest batches, the newest first."""
    items = _with_states(RefundBatchItem.objects.filter(payment=payment), clock.database_now())
    found = items.select_related("batch", "payment", "refund__late_record").order_by("-pk")[:_BATCHES_SHOWN]
    return [_outcome(item.batch, item, State(item.state)) for item in found]


def record_of(batch: RefundBatch, item: RefundBatchItem) -> RefundRecord | None:
    """Return the refund that this order's idempotency key made, if it made one."""
    key = key_of(batch, item)
    return RefundRecord.objects.filter(requested_by_id=batch.requested_by_id, idempotency_key=key).first()


def key_of(batch: RefundBatch, item: RefundBatchItem) -> str:
    """Return the idempotency key of this order's refund: a new one after each attempt that was not sent."""
    key = f"batch:{batch.token}:{item.payment_id}"
    return f"{key}:{item.attempts}" if item.attempts else key


def _with_states(items: QuerySet[RefundBatchItem], now: datetime) -> QuerySet[Any]:
    """Add the state of each order as `state`."""
    lease_began = now - timedelta(seconds=settings.REFUND_LEASE_SECONDS)
    is_requested = Q(refund__status=RefundStatus.REQUESTED)
    cases = (
        (Q(excluded=True), State.PROBLEM),
        (Q(refund__late_record__isnull=False), State.REFUNDED),  # it failed, and i'mport executed it after all
        (Q(refund__status=RefundStatus.SUCCEEDED), State.REFUNDED),
        (Q(refund__status=RefundStatus.PENDING), State.PENDING),
        (Q(refund__status=RefundStatus.UNKNOWN), State.UNKNOWN),
        (is_requested & Q(refund__requested_at__lt=lease_began), State.UNKNOWN),
        (is_requested, State.RUNNING),
        (Q(refund__status=RefundStatus.FAILED), State.REFUSED),
        (Q(error_code=AWAITING), State.AWAITING),
        (~Q(error_code=""), State.SKIPPED),
    )
    whens = (When(condition, then=Value(state.value)) for condition, state in cases)
    return items.annotate(state=Case(*whens, default=Value(State.WAITING.value), output_field=CharField()))


def _items(batch: RefundBatch, *states: State) -> QuerySet[Any]:
    """Return the orders, or those in one of these states, each with all that a line shows."""
    items = _with_states(batch.items.order_by("pk"), clock.database_now())
    if states:
        items = items.filter(state__in=[state.value for state in states])
    return items.select_related("payment", "refund__late_record")


def _outcomes(batch: RefundBatch, items: Iterable[Any]) -> Iterator[BatchOutcome]:
    return (_outcome(batch, item, State(item.state)) for item in items)


def _outcome(batch: RefundBatch, item: RefundBatchItem, state: State) -> BatchOutcome:
    item.batch, record = batch, item.refund
    if record is None:
        return BatchOutcome(item, state, None, item.error_code, _reason(batch, item))
    if item.payment is not None:
        record.payment = item.payment  # read already
    if state is State.UNKNOWN:
        return BatchOutcome(item, state, record, RefundOutcomeUnknown.code, str(UNKNOWN))
    if state is State.REFUSED:
        code, message = record.error_code or item.error_code, message_of(record) or item.message
        return BatchOutcome(item, state, record, code, message)
    return BatchOutcome(item, state, record.executed_late or record, "", message_of(record))


def _reason(batch: RefundBatch, item: RefundBatchItem) -> str:
    """Return why nothing was requested. It names the requester, since others read the outcome too."""
    if item.error_code != RefundNotAllowed.code:
        return item.message
    message = gettext("%(who)s was not allowed to refund payments when this order's turn came.")
    return message % {"who": batch.requested_by_name}


def _measured_since(batch: RefundBatch, now: datetime) -> datetime | None:
    """Return since when the speed is measured; None unless the batch is running."""
    if batch.status != BatchStatus.RUNNING:
        return None
    resumed: datetime | None = batch.events.filter(code__in=("started", "resumed")).aggregate(at=Max("at"))["at"]
    return max(filter(None, (now - _MEASURED, batch.started_at, resumed)))


def _speed(recent: int, latest: datetime | None, since: datetime | None, now: datetime) -> float | None:
    """Return the orders per second, unless there is too little to tell."""
    if since is None or latest is None or recent < _FEWEST or now - latest > _QUIET:
        return None
    seconds = (now - since).total_seconds()
    return recent / seconds if seconds >= _FEWEST else None
