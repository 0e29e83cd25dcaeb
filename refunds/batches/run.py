"""Several refunds asked for at once, by staff: written down first, then carried out one after the other.

The batch, its items and the log entries are committed before any money moves. The token makes a second press of the
button find the first; each order's refund has an idempotency key of its own, so carrying a batch on is safe too.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.money import format_money
from payments.models import Payment
from refunds.errors import RefundNotDone, RefundOutcomeUnknown
from refunds.inputs import Actor, RefundRequest
from refunds.lease import lease_is_over
from refunds.messages import UNKNOWN, message_of
from refunds.models import RefundBatch, RefundBatchItem, RefundRecord, RefundSource, RefundStatus
from refunds.services.refund import request_refund

logger = logging.getLogger(__name__)

MAX_ORDERS = 50  # they are refunded one after the other while somebody waits
UNEXPECTED = "unexpected_error"


@dataclass(frozen=True, slots=True)
class Order:
    """One order of a batch and what is asked for it."""

    payment: Payment
    request: RefundRequest


class State(Enum):
    """Where an order of a batch stands."""

    REFUNDED = "refunded"
    PENDING = "pending"  # accepted, the PG decides later
    UNKNOWN = "unknown"
    RUNNING = "running"
    REFUSED = "refused"
    NOT_STARTED = "not_started"


_STATE_OF = {
    RefundStatus.SUCCEEDED: State.REFUNDED,
    RefundStatus.PENDING: State.PENDING,
    RefundStatus.UNKNOWN: State.UNKNOWN,
    RefundStatus.REQUESTED: State.RUNNING,
    RefundStatus.FAILED: State.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One order of a batch, and what became of it. `code` and `message` say why it was not refunded."""

    payment: Payment
    state: State
    asked: Decimal | None  # as typed; None = all that was left
    refund: RefundRecord | None
    code: str = ""
    message: str = ""


class BatchExistsError(Exception):
    """This token was used before: its batch is there, and nothing was written now."""


def open_batch(*, token: UUID, user: User, orders: Sequence[Order], reason: str) -> RefundBatch:
    """Write down who asks for what, one log entry per order, and commit. Raises `BatchExistsError`."""
    try:
        with transaction.atomic(durable=True):
            batch = RefundBatch.objects.create(token=token, requested_by=user, reason=reason)
            RefundBatchItem.objects.bulk_create(
                RefundBatchItem(batch=batch, payment=order.payment, amount=order.request.amount) for order in orders
            )
            _log(user, orders)
    except IntegrityError as exc:
        if RefundBatch.objects.filter(token=token).exists():
            raise BatchExistsError from exc
        raise
    return batch


def reopen_batch(*, batch: RefundBatch, orders: Sequence[Order]) -> None:
    """Make a cut-off batch ready to be carried on: book what did start, write down what is asked now."""
    with transaction.atomic(durable=True):
        for item in unfinished_items(batch):
            record = _record_of(batch, item)
            if record is not None:
                _write_down(item, refund=record)
        for order in orders:
            unfinished_items(batch).filter(payment=order.payment).update(amount=order.request.amount)
        _log(batch.requested_by, orders)


def run_batch(*, batch: RefundBatch, orders: Sequence[Order]) -> None:
    """Refund the orders of a batch that have no outcome yet, one after the other. Raises nothing for an order.

    What became of each is written down before the next one starts.
    """
    items = {item.payment_id: item for item in unfinished_items(batch)}
    for order in orders:
        item = items.get(order.payment.pk)
        if item is not None:
            _refund(batch, item, order)
    if not unfinished_items(batch).exists():
        RefundBatch.objects.filter(pk=batch.pk, finished_at=None).update(finished_at=timezone.now())


def find_batch(token: UUID) -> RefundBatch | None:
    return RefundBatch.objects.select_related("requested_by").filter(token=token).first()


def unfinished_items(batch: RefundBatch) -> QuerySet[RefundBatchItem]:
    """Orders of which nobody wrote down what became of them."""
    return batch.items.filter(refund=None, error_code="")


def outcomes(batch: RefundBatch) -> list[Outcome]:
    """What became of each order, as it is now: a refund may be settled long after it was asked for."""
    made = {record.idempotency_key: record for record in RefundRecord.objects.filter(_made_by(batch))}
    found = []
    for item in batch.items.select_related("payment", "refund"):
        record = item.refund or made.get(_key(batch, item))
        found.append(_outcome(item, record))
    return found


def is_cut_off(batch: RefundBatch, now: datetime) -> bool:
    """Whether the process that carried the batch out must be gone: it has been silent for a whole lease."""
    if batch.finished_at is not None:
        return False
    last = RefundRecord.objects.filter(_made_by(batch)).order_by("-requested_at").first()
    return lease_is_over(last or RefundRecord(requested_at=batch.created_at), now)


def _outcome(item: RefundBatchItem, record: RefundRecord | None) -> Outcome:
    if record is None:
        state = State.REFUSED if item.error_code else State.NOT_STARTED
        return Outcome(item.payment, state, item.amount, None, item.error_code, item.message)
    state = _STATE_OF[RefundStatus(record.status)]
    if state is State.RUNNING and lease_is_over(record, timezone.now()):
        state = State.UNKNOWN
    code, message = record.error_code or item.error_code, message_of(record) or item.message
    if state in (State.REFUNDED, State.PENDING):
        code, message = "", message_of(record)
    elif state is State.UNKNOWN:
        code, message = RefundOutcomeUnknown.code, str(UNKNOWN)
    return Outcome(item.payment, state, item.amount, record, code, message)


def _refund(batch: RefundBatch, item: RefundBatchItem, order: Order) -> None:
    user = batch.requested_by
    try:
        record = request_refund(
            payment=order.payment,
            request=order.request,
            actor=Actor(name=user.get_username(), user=user),
            source=RefundSource.ADMIN,
            idempotency_key=_key(batch, item),
        )
    except RefundNotDone as exc:
        _write_down(item, refund=exc.refund, error_code=exc.code, message=exc.message)
    except DomainError as exc:
        _write_down(item, refund=_record_of(batch, item), error_code=exc.code, message=exc.message)
    except Exception:
        # One order must not take the others with it; what it did to its record shows on the result page.
        logger.exception("batch %s: refunding %s failed unexpectedly", batch.token, order.payment.imp_uid)
        message = _("Something went wrong. Check the order before you request its refund again.")
        _write_down(item, refund=_record_of(batch, item), error_code=UNEXPECTED, message=message)
    else:
        _write_down(item, refund=record)


def _write_down(item: RefundBatchItem, *, refund: RefundRecord | None, error_code: str = "", message: str = "") -> None:
    still_open = RefundBatchItem.objects.filter(pk=item.pk, refund=None, error_code="")
    still_open.update(refund=refund, error_code=error_code, message=message)


def _key(batch: RefundBatch, item: RefundBatchItem) -> str:
    return f"batch:{batch.token}:{item.payment_id}"


def _made_by(batch: RefundBatch) -> Q:
    keys = [_key(batch, item) for item in batch.items.all()]
    return Q(requested_by=batch.requested_by, idempotency_key__in=keys)


def _record_of(batch: RefundBatch, item: RefundBatchItem) -> RefundRecord | None:
    return RefundRecord.objects.filter(requested_by=batch.requested_by, idempotency_key=_key(batch, item)).first()


def _log(user: User, orders: Sequence[Order]) -> None:
    """One line per order in the admin's own history; never the refund account."""
    content_type = ContentType.objects.get_for_model(Payment)
    LogEntry.objects.bulk_create(
        LogEntry(
            user=user,
            content_type=content_type,
            object_id=str(order.payment.pk),
            object_repr=str(order.payment)[:200],
            action_flag=CHANGE,
            change_message=_log_message(order),
        )
        for order in orders
    )


def _log_message(order: Order) -> str:
    payment, request = order.payment, order.request
    amount = payment.refundable_amount if request.amount is None else request.amount
    asked = _("Refund requested: %(amount)s") % {"amount": format_money(amount, payment.currency)}
    if not request.reason:
        return asked
    reason = _("reason: %(reason)s") % {"reason": request.reason}
    return f"{asked}, {reason}"
