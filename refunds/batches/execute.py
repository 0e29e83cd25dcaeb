"""Refund one claimed order of a batch and write its outcome."""

import logging
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import translation

from core import clock
from core.errors import DomainError
from core.sentences import joined
from core.sentences import sentence as _
from payments.models import Payment
from refunds.batches.claims import free_for_next_attempt, give_back, may_begin
from refunds.batches.finish import CANCELLED
from refunds.batches.outcomes import key_of, record_of
from refunds.batches.pauses import pause_if_refused_in_row, pause_if_unknown_in_row
from refunds.batches.requests import request_of
from refunds.errors import (
    Busy,
    ConfirmationRequired,
    RefundNotAllowed,
    RefundNotDone,
    RefundNotSent,
    RefundOutcomeUnknown,
)
from refunds.inputs import Actor
from refunds.models import ApprovalStatus, RefundApproval, RefundBatch, RefundBatchItem, RefundRecord, RefundSource
from refunds.permissions import may_refund_any
from refunds.services.account_holder import unnamed
from refunds.services.reasons import with_reason
from refunds.services.refund import request_refund

logger = logging.getLogger(__name__)

UNEXPECTED = "unexpected_error"
MOST_ATTEMPTS = 5  # to reach i'mport, for one order


@dataclass(frozen=True, slots=True)
class Turn:
    """Tell whether i'mport was reached in an order's turn, or not (`not_sent` says why), or not even tried."""

    reached: bool = False
    not_sent: str = ""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Hold the refund of an order, and the error that prevented or ended it."""

    refund: RefundRecord | None
    error_code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Requester:
    """Who a batch's refunds are made for, and the approval of the whole batch, if it needed one."""

    actor: Actor
    approval: RefundApproval | None


def requester_of(batch: RefundBatch) -> Requester | None:
    """Return the requester with the permissions of this moment; None if they may not refund any more."""
    approval = RefundApproval.objects.filter(batch=batch, status=ApprovalStatus.APPROVED).first()
    if batch.source == RefundSource.COMMAND:
        return Requester(Actor(name=batch.requested_by_name), approval)
    user = User.objects.get(pk=cast(int, batch.requested_by_id))
    return Requester(Actor(name=user.get_username(), user=user), approval) if may_refund_any(user) else None


def execute(item: RefundBatchItem, requester: Requester | None, *, attempts: int = MOST_ATTEMPTS) -> Turn:
    """Refund the order for its requester, and write the outcome in the batch's language.

    Begins nothing if the batch does not run any more. An order that was certainly not sent is free again, until it had
    so many `attempts`. Raises nothing but database errors. An order whose refund record exists is never sent again,
    and its idempotency key protects it besides.
    """
    if not may_begin(item):
        give_back([item])
        return Turn()
    with translation.override(item.batch.language or settings.LANGUAGE_CODE):
        # Without an earlier claim nothing can have been requested.
        earlier = record_of(item.batch, item) if item.claimed_at else None
        if earlier is not None:
            outcome = _Outcome(earlier, earlier.error_code, earlier.message)
        else:
            outcome = _refund(item, requester)
    return _end(item, outcome, attempts)


def _refund(item: RefundBatchItem, requester: Requester | None) -> _Outcome:
    batch, payment = item.batch, cast(Payment, item.payment)
    try:
        if requester is None:
            raise RefundNotAllowed
        request = request_of(item, batch=batch, expected_balance=item.expected_balance)
        request = with_reason(request, item.frozen_reason or batch.frozen_reason)
        record = request_refund(
            payment=payment,
            request=request,
            actor=requester.actor,
            source=RefundSource(batch.source),
            idempotency_key=key_of(batch, item),
            approval=requester.approval,
        )
    except RefundNotDone as exc:
        return _Outcome(exc.refund, exc.code, exc.message)
    except ConfirmationRequired as exc:
        doubt = unnamed(exc.warnings)[0]
        where = _("Nothing was sent. Check the account with the buyer, and refund this order on its own page.")
        return _Outcome(None, doubt.code, joined(doubt.message, where))
    except DomainError as exc:
        return _Outcome(record_of(batch, item), exc.code, exc.message)
    except Exception:
        # One order must not take the others with it; what it did to its record shows on the result page.
        logger.exception("batch %s: refunding %s failed unexpectedly", batch.token, payment.imp_uid)
        message = _("Something went wrong. Check the order before you request its refund again.")
        return _Outcome(record_of(batch, item), UNEXPECTED, message)
    return _Outcome(record)


def _end(item: RefundBatchItem, outcome: _Outcome, attempts: int) -> Turn:
    """Free the order for another attempt if it was certainly not sent, else write its outcome."""
    refund = outcome.refund
    not_sent = outcome.error_code == (RefundNotSent.code if refund else Busy.code)
    if not_sent and item.attempts + 1 < attempts:
        free_for_next_attempt(item)
    else:
        _write_outcome(item, outcome)
    if not_sent:
        return Turn(not_sent=outcome.message)
    if refund is not None and refund.refusal_class:
        pause_if_refused_in_row(item.batch, refund)
    elif outcome.error_code == RefundOutcomeUnknown.code:
        pause_if_unknown_in_row(item.batch, outcome.message)
    return Turn(reached=refund is not None)


def _write_outcome(item: RefundBatchItem, outcome: _Outcome) -> None:
    """Write the outcome and erase the bank account, in one statement. An outcome that is there already stays.

    A refund also replaces the note that the batch was stopped before the order's turn.
    """
    replaced = ["", CANCELLED] if outcome.refund else [""]
    RefundBatchItem.objects.filter(pk=item.pk, refund=None, error_code__in=replaced).update(
        refund=outcome.refund,
        error_code=outcome.error_code,
        message=outcome.message,
        encrypted_account="",
        done_at=clock.database_clock(),
    )
