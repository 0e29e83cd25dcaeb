"""Refund a payment in three steps: reserve, call, settle. The only code that asks i'mport to move money.

1. Reserve: one short durable transaction checks the rules and commits a `requested` record.
2. Call: i'mport is called once; no transaction is open, no lock is held.
3. Settle: one short transaction books what i'mport answered.

A crash between the steps leaves a live record, which `refunds.reconciliation.reconcile` resolves by reading i'mport.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _

from payments.gateway import (
    CancelRequest,
    Gateway,
    GatewayError,
    GatewayRejected,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentUnknown,
    get_gateway,
)
from payments.models import Payment
from refunds.errors import RefundAbandoned, RefundInProgress, RefundNotSent, RefundOutcomeUnknown, RefundRefused
from refunds.inputs import Actor, RefundRequest
from refunds.lease import longest_call
from refunds.messages import UNKNOWN, message_of
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.services.context import ensure_tax_parts
from refunds.services.reserve import reserve
from refunds.services.settle import settle_answer, settle_failed, settle_refusal, settle_unknown

logger = logging.getLogger(__name__)


def request_refund(
    *,
    payment: Payment,
    request: RefundRequest,
    actor: Actor,
    source: RefundSource,
    idempotency_key: str | None = None,
    gateway: Gateway | None = None,
) -> RefundRecord:
    """Refund a payment: all that is left, or `request.amount`. Returns a `succeeded` or `pending` record.

    Raises `PolicyViolated`, `ApprovalRequired`, `TooManyFailed`, `RefundInProgress`, `IdempotencyConflict`,
    `TokenRefused` (nothing recorded, nothing sent), or a `RefundNotDone` with the record: `RefundRefused`,
    `RefundNotSent`, `RefundOutcomeUnknown`. The same actor's same `idempotency_key` never moves money twice: it gives
    the first request's outcome again.
    """
    record, _is_new = refund_once(
        payment=payment,
        request=request,
        actor=actor,
        source=source,
        idempotency_key=idempotency_key,
        gateway=gateway,
    )
    return outcome_of(record)


def refund_once(
    *,
    payment: Payment,
    request: RefundRequest,
    actor: Actor,
    source: RefundSource,
    idempotency_key: str | None,
    gateway: Gateway | None = None,
) -> tuple[RefundRecord, bool]:
    """As `request_refund`, but returns the record whatever became of it, and whether this call made it.

    Raises what `request_refund` raises before a record is made, and `RefundOutcomeUnknown` if the outcome could not
    be written down. `outcome_of` tells what the record means.
    """
    ensure_tax_parts(payment)
    record, cancel = reserve(
        payment=payment, request=request, actor=actor, source=source, idempotency_key=idempotency_key
    )
    if cancel is None:
        return record, False
    return _execute(record, cancel, gateway or get_gateway()), True


def outcome_of(record: RefundRecord) -> RefundRecord:
    """The record if it is done or accepted; else the error that says what became of it."""
    if record.status in (RefundStatus.SUCCEEDED, RefundStatus.PENDING):
        return record
    if record.status == RefundStatus.REQUESTED:
        raise RefundInProgress
    if record.status == RefundStatus.UNKNOWN:
        raise RefundOutcomeUnknown(str(UNKNOWN), record)
    for error in (RefundRefused, RefundNotSent, RefundAbandoned):
        if record.error_code == error.code:
            raise error(message_of(record), record)
    raise AssertionError(f"refund {record.number} failed without a known code")


def _execute(record: RefundRecord, cancel: CancelRequest, gateway: Gateway) -> RefundRecord:
    """Ask i'mport once and settle what it answers. Returns the record as it stands afterwards."""
    end: Callable[[], RefundRecord]
    try:
        _ensure_in_time(record)
        shown = gateway.cancel(cancel)
    except GatewayUnavailable as exc:
        end = partial(settle_failed, record, code=RefundNotSent.code, message=exc.message)
    except OutcomeUnknown as exc:
        end = partial(settle_unknown, record, exc.message)
    except GatewayRejected as exc:
        end = _after_refusal(record, exc, gateway)
    else:
        end = partial(settle_answer, record, shown)
    try:
        return end()
    except DatabaseError as exc:  # the record stays live, and is resolved once the database is back
        logger.exception("refund %s: the outcome could not be written", record.number)
        raise RefundOutcomeUnknown(str(UNKNOWN), record) from exc


def _ensure_in_time(record: RefundRecord) -> None:
    """A process that slept since the reservation must not send what may be given up before its call has ended."""
    age = timezone.now() - record.requested_at
    if age > timedelta(seconds=max(1, settings.REFUND_LEASE_SECONDS - longest_call())):
        raise GatewayUnavailable(_("This server was too slow. Nothing was sent; try again in a moment."))


def _after_refusal(record: RefundRecord, refusal: GatewayRejected, gateway: Gateway) -> Callable[[], RefundRecord]:
    """A refusal may hide a cancel that was carried out, so read the payment before calling it final."""
    try:
        shown = gateway.payment(record.payment.imp_uid)
    except PaymentUnknown:
        return partial(settle_failed, record, code=RefundRefused.code, message=refusal.message)
    except GatewayError as exc:
        logger.warning("refund %s was refused, and reading failed: %s", record.number, exc.message)
        return partial(settle_unknown, record, refusal.message)
    return partial(settle_refusal, record, refusal, shown)
