"""Refund a payment in three steps: reserve, call, settle. The only code that asks i'mport to move money.

1. Reserve: one short durable transaction checks the rules and commits a `requested` record.
2. Call: i'mport is asked once; no transaction is open, no lock is held.
3. Settle: one short transaction books what i'mport answered.

A crash between the steps leaves a live record, which `refunds.reconciliation.reconcile` resolves by reading i'mport.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
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
from payments.intake.mirror import read_tax_parts
from payments.models import Payment
from refunds import policies
from refunds.errors import (
    RefundAbandoned,
    RefundInProgress,
    RefundNotSent,
    RefundOutcomeUnknown,
    RefundRefused,
    Violation,
)
from refunds.inputs import RefundRequest
from refunds.messages import UNKNOWN, message_of
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.policies import RefundContext, Requirements
from refunds.services.approval import approval_missing
from refunds.services.reserve import Actor, context_of, reserve
from refunds.services.settle import settle_answer, settle_failed, settle_refusal, settle_unknown

__all__ = [
    "Actor",
    "RefundPreview",
    "outcome_of",
    "preview_refund",
    "refund_once",
    "request_refund",
    "requirements_of",
    "why_impossible",
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefundPreview:
    """What would happen, before anything is sent. `amount` in major units of the payment's currency."""

    payment: Payment
    amount: Decimal
    problems: tuple[Violation, ...]  # it would be refused for these
    warnings: tuple[Violation, ...]  # worth knowing before it is confirmed
    requirements: Requirements


def preview_refund(
    *, payment: Payment, request: RefundRequest, user: User | None = None, gateway: Gateway | None = None
) -> RefundPreview:
    """Say whether this refund would be refused here, why, and what to know before. Moves no money.

    `user` is who would ask; without one nobody's approval is missed.
    i'mport is only read: for tax parts that a rule needs, and for the name of the refund account's holder.
    """
    _ensure_tax_parts(payment)
    context = context_of(payment, request)
    verdict = policies.check(context)
    problems = verdict.violations
    if not any(problem.field in ("", "amount") for problem in problems):
        missing = approval_missing(payment=payment, amount=context.amount, user=user)
        problems += (missing,) if missing else ()
    if payment.refunds.live().exists():
        busy = RefundInProgress()
        problems = (Violation(busy.code, busy.message), *problems)
    return RefundPreview(
        payment=payment,
        amount=context.amount,
        problems=problems,
        warnings=verdict.warnings + (() if problems else _account_warnings(context, gateway or get_gateway())),
        requirements=requirements_of(payment),
    )


def _account_warnings(context: RefundContext, gateway: Gateway) -> tuple[Violation, ...]:
    """What the bank says of the refund account, if i'mport can ask it: money sent to a wrong one rarely returns."""
    account = policies.wire_account(context)
    if not account.account:
        return ()
    try:
        holder = gateway.account_holder(bank_code=account.standard_bank, account=account.account)
    except GatewayRejected as exc:
        message = _("The account could not be confirmed: %(message)s") % {"message": exc.message}
        return (Violation("account_not_confirmed", message, "refund_account"),)
    except GatewayError as exc:
        logger.info("the holder of a refund account could not be asked for: %s", exc.message)
        return ()
    if "".join(holder.split()).casefold() == "".join(account.holder.split()).casefold():
        return ()
    message = _("According to the bank, this account belongs to %(holder)s. Check the name and the number.")
    return (Violation("account_holder_differs", message % {"holder": holder}, "refund_holder"),)


def why_impossible(payment: Payment) -> Violation | None:
    """The rule that no input would satisfy, so that nothing of this payment can be refunded here; else None."""
    violations = policies.check(context_of(payment, RefundRequest())).violations
    return violations[0] if violations and not violations[0].field else None


def requirements_of(payment: Payment) -> Requirements:
    """What a form has to ask for to refund this payment, and what that costs the merchant."""
    return policies.requirements(payment, timezone.now(), settings.IAMPORT_CONTRACTS, settings.VBANK_REFUND_FEE)


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
    _ensure_tax_parts(payment)
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


def lease_is_over(record: RefundRecord, now: datetime) -> bool:
    """Whether a call made for this record must have ended by now, one way or the other."""
    return now - record.requested_at > timedelta(seconds=settings.REFUND_LEASE_SECONDS)


def longest_call() -> float:
    """Seconds that a refund's call to i'mport can take, with a new token and a reading after a refusal."""
    return float(2 * settings.IAMPORT_CONNECT_TIMEOUT + 3 * settings.IAMPORT_READ_TIMEOUT)


def _ensure_tax_parts(payment: Payment) -> None:
    if payment.refundable_amount > 0 and policies.needs_tax_parts(payment):
        read_tax_parts(payment)


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
        raise GatewayUnavailable(_("This server was too slow; nothing was sent. Try again in a moment."))


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
