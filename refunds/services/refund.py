"""Refund a payment in three steps: reserve, call, settle. The only code that has i'mport move money.

1. Reserve: one short durable transaction checks the rules and commits a `requested` record.
2. Call: i'mport is called once; no transaction is open, no lock is held.
3. Settle: one short transaction books what i'mport answered.

A crash between the steps leaves a live record, which `refunds.reconciliation.reconcile` resolves by reading i'mport.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from django.db import Error as DatabaseError

from core import clock
from core.database.time_limits import answer_within
from core.sentences import sentence as _
from payments.errors import PaymentNotFound
from payments.gateway import (
    CancelRequest,
    Gateway,
    GatewayBusy,
    GatewayError,
    GatewayRejected,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentUnknown,
    call_slot,
    get_gateway,
)
from payments.intake.on_demand import look_up
from payments.lookup import choose_payment
from payments.models import Payment
from refunds.errors import Busy, RefundAbandoned, RefundInProgress, RefundNotSent, RefundOutcomeUnknown, RefundRefused
from refunds.inputs import Actor, RefundRequest
from refunds.lease import may_call
from refunds.messages import UNKNOWN, message_of
from refunds.models import RefundApproval, RefundRecord, RefundSource, RefundStatus
from refunds.permissions import ensure_may_refund, is_buyer, sees_payments_of
from refunds.services.account_holder import holder_warnings
from refunds.services.context import read_balance
from refunds.services.idempotency import find_made, find_repeated
from refunds.services.reserve import Asked, BalanceUnread, HolderUnread, Readings, lock_payments, reserve
from refunds.services.settle import REFUSED_BEFORE_PG, settle_answer, settle_failed, settle_refusal, settle_unknown

logger = logging.getLogger(__name__)

SETTLEMENT_SECONDS = 4  # for a database that hangs: the asker has waited for i'mport already


def request_refund(
    *,
    payment: Payment,
    request: RefundRequest,
    actor: Actor,
    source: RefundSource,
    idempotency_key: str | None = None,
    approval: RefundApproval | None = None,
    gateway: Gateway | None = None,
) -> RefundRecord:
    """Refund a payment: all that is left, or `request.amount`. Returns a `succeeded` or `pending` record.

    `approval` is that of the whole batch, if there is one. Raises `AwaitingApproval` if the refund is above a limit:
    then a request for approval is committed instead.

    Raises `PolicyViolated`, `ConfirmationRequired`, `TooManyFailed`, `Busy`, `RefundInProgress`, `ApprovalWaiting`,
    `ApprovalEnded`, `IdempotencyConflict`, `TokenRefused` (nothing recorded, nothing sent), or a `RefundNotDone` with
    the record: `RefundRefused`, `RefundNotSent`, `RefundOutcomeUnknown`. The same actor's same `idempotency_key` never
    moves money twice: it gives the first request's outcome again.
    """
    find_earlier = partial(
        find_made, user=actor.user, idempotency_key=idempotency_key, payment=payment, request=request
    )
    record = find_earlier()
    if record is None:
        asked = Asked(lambda: lock_payments("id", payment.pk)[0], request, actor, source, idempotency_key, approval)
        record, _is_new = _refund(asked, find_earlier, gateway)
    return outcome_of(record)


def refund_order(
    *,
    uids: Mapping[str, str],
    request: RefundRequest,
    actor: Actor,
    key: str | None,
    gateway: Gateway | None = None,
) -> tuple[RefundRecord, bool]:
    """Refund the order that an API request names. Returns its record, whatever became of it, and whether it is new.

    `uids` is `imp_uid` or `merchant_uid` as sent, looked up among the payments that the actor may see. A repeat of
    the same request with the same idempotency `key` gets the first request's record, and is never refused for what
    has changed since. `outcome_of` says what the record means.

    Raises `PaymentNotFound`, `LookupUnavailable`, `AmbiguousOrder`, `RefundNotAllowed`,
    what `request_refund` raises before a record is
    made, and `RefundOutcomeUnknown` if the outcome could not be written.
    """
    owner = sees_payments_of(actor.user)
    find_earlier = partial(find_repeated, user=actor.user, idempotency_key=key, uids=uids, request=request, owner=owner)
    if (earlier := find_earlier()) is not None:
        return earlier, False

    def find() -> Payment:
        payment = choose_payment(read=partial(lock_payments, owner=owner), **uids)
        ensure_may_refund(actor.user, payment)
        return payment

    asked = Asked(find, request, actor, RefundSource.API, key)
    try:
        return _refund(asked, find_earlier, gateway)
    except PaymentNotFound:
        if is_buyer(actor.user) or not look_up(**uids, gateway=gateway):
            raise
    return _refund(asked, find_earlier, gateway)


def _refund(
    asked: Asked, find_earlier: Callable[[], RefundRecord | None], gateway: Gateway | None
) -> tuple[RefundRecord, bool]:
    """Reserve, call and settle. `find_earlier` finds the record of a request with this key that came first."""
    actor = asked.actor
    try:
        # Before anything is recorded. Programs with a token share the slots of buyers.
        with call_slot(for_staff=actor.token is None and not is_buyer(actor.user)):
            record, cancel = _reserve(asked, find_earlier, gateway)
            if cancel is None:
                return record, False
            done = execute(record, cancel, gateway or get_gateway())
            done.warnings = record.warnings
            return done, True
    except GatewayBusy as exc:
        raise Busy(exc.message) from exc


def _reserve(
    asked: Asked, find_earlier: Callable[[], RefundRecord | None], gateway: Gateway | None
) -> tuple[RefundRecord, CancelRequest | None]:
    """Reserve; first read what the reservation asks for, each at most once."""
    readings = Readings()
    while True:
        try:
            return reserve(asked, readings=readings, find_earlier=find_earlier)
        except BalanceUnread as exc:
            readings = replace(readings, balance=read_balance(exc.payment, gateway))
        except HolderUnread as exc:
            found = holder_warnings(exc.account, names_holder=exc.names_holder, gateway=gateway)
            readings = replace(readings, about_account=found)


def outcome_of(record: RefundRecord) -> RefundRecord:
    """Return the record if it is done or accepted; else raise the error that says what became of it.

    If it failed, and i'mport executed it after all, return the record of that cancel.
    """
    if record.status == RefundStatus.FAILED and (late := record.executed_late):
        return late
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


def execute(record: RefundRecord, cancel: CancelRequest, gateway: Gateway) -> RefundRecord:
    """Call i'mport once for a committed record, and settle what it answers. Returns it as it stands afterwards.

    Raises `RefundOutcomeUnknown` if the outcome could not be written.
    """
    end: Callable[[], RefundRecord]
    try:
        if not may_call(record, gateway, clock.database_now()):
            raise GatewayUnavailable(_("This server was too slow. Nothing was sent; try again in a moment."))
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
        with answer_within(SETTLEMENT_SECONDS):
            return end()
    except DatabaseError as exc:  # the record stays live, and is resolved once the database is back
        logger.exception("refund %s: the outcome could not be written", record.number)
        raise RefundOutcomeUnknown(str(UNKNOWN), record) from exc


def _after_refusal(record: RefundRecord, refusal: GatewayRejected, gateway: Gateway) -> Callable[[], RefundRecord]:
    """Read the payment before a refusal is final: it may hide a cancel that was executed."""
    try:
        shown = gateway.payment(record.payment.imp_uid)
    except PaymentUnknown as exc:
        if refusal.gateway_code != REFUSED_BEFORE_PG:  # i'mport contradicts itself: it asked the PG about this payment
            logger.warning("refund %s was refused, and not found: %s", record.number, exc.message)
            return partial(settle_unknown, record, refusal.message)
        return partial(settle_failed, record, code=RefundRefused.code, message=refusal.message, refusal=refusal)
    except GatewayError as exc:
        logger.warning("refund %s was refused, and reading failed: %s", record.number, exc.message)
        return partial(settle_unknown, record, refusal.message)
    return partial(settle_refusal, record, refusal, shown)
