"""Make a new batch of the orders of another one that were refused or skipped and may succeed now.

Nothing is refunded here: the new batch is checked, and somebody has to start it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast
from uuid import UUID

from django.db import IntegrityError
from django.utils.translation import get_language

from core.encryption.cipher import DecryptError
from core.sentences import joined
from core.sentences import sentence as _
from payments.gateway import Requester
from refunds.batches.check import LEFT_OUT, check_batch
from refunds.batches.create import Problem, Row, create_batch
from refunds.batches.errors import BatchExistsError, BatchStateError
from refunds.batches.outcomes import BatchOutcome, State, all_lines
from refunds.errors import RefundNotAllowed
from refunds.inputs import Actor, RefundRequest
from refunds.messages import next_step_of
from refunds.models import (
    FINAL_REFUSALS,
    FINAL_STEPS,
    BatchOrigin,
    BatchStatus,
    RefundAccount,
    RefundBatch,
    RefundRecord,
    RefundSource,
    RefusalClass,
)
from refunds.permissions import may_refund_any
from refunds.services.bank_accounts import open_account

RETRIED = (State.REFUSED, State.SKIPPED)
ENDED = (BatchStatus.DONE, BatchStatus.CANCELLED)
# The same account would be refused again; or the PG wants none.
_WITHOUT_ACCOUNT = (RefusalClass.ACCOUNT_WRONG, RefusalClass.USE_PLAIN_CANCEL)


def retry_refused(*, batch: RefundBatch, actor: Actor, token: UUID) -> RefundBatch:
    """Return a new, checked batch of the refused and skipped orders of a finished or stopped one.

    Orders that cannot succeed are left out, each with the reason. An order whose account is not kept any more gets the
    problem of the check. A batch is retried once, unless that retry was stopped: the second call returns the first
    one's batch. Raises `RefundNotAllowed`, `BatchStateError`, `BatchEmpty`.
    """
    if actor.user is not None and not may_refund_any(actor.user):
        raise RefundNotAllowed
    if batch.status not in ENDED:
        raise BatchStateError(batch)
    if (earlier := retry_of(batch)) is not None:
        return earlier
    try:
        retry = create_batch(
            token=token,
            actor=actor,
            source=RefundSource.ADMIN if actor.user else RefundSource.COMMAND,
            origin=BatchOrigin.RETRY,
            title=batch.title,
            rows=_rows(batch),
            reason=batch.reason,
            reason_code=batch.reason_code,
            language=get_language() or "",
            retry_of=batch,
        )
    except BatchExistsError as exc:
        return exc.batch
    except IntegrityError:
        if (earlier := retry_of(batch)) is None:
            raise
        return earlier
    check_batch(batch=retry, actor=actor)
    return retry


def retry_of(batch: RefundBatch) -> RefundBatch | None:
    """Return the batch that retries this one, unless it was stopped."""
    return batch.retries.exclude(status=BatchStatus.CANCELLED).first()


def _rows(batch: RefundBatch) -> Iterator[Row]:
    kept = RefundAccount.objects.filter(refund__in=batch.items.values("refund")).defer("created_at")
    accounts = {account.refund_id: account for account in kept}
    for outcome in all_lines(batch, *RETRIED):
        yield _row(outcome, accounts)


def _row(outcome: BatchOutcome, accounts: Mapping[int, RefundAccount]) -> Row:
    item, problem = outcome.item, _problem(outcome)
    request = RefundRequest(
        amount=item.amount,
        reason=item.reason,
        reason_code=item.reason_code,
        tax_free=item.tax_free,
        vat_amount=item.vat_amount,
        requester=cast(Requester, item.requester),
        retain_promotion=item.retain_promotion,
        confirmed=frozenset(item.confirmed),
    )
    if problem is None and outcome.refund is not None:
        request = _with_account(request, outcome.refund, accounts)
    return Row(
        request=request,
        payment_id=item.payment_id,
        merchant_uid=item.number,
        line=item.line,
        note=item.note,
        problem=problem,
    )


def _problem(outcome: BatchOutcome) -> Problem | None:
    """Return why the order is left out, if it is."""
    item, refund, payment = outcome.item, outcome.refund, outcome.payment
    if refund and (refund.refusal_class in FINAL_REFUSALS or refund.refusal_step in FINAL_STEPS):
        words = (refund.get_refusal_class_display(), refund.message, next_step_of(refund))
        ended = (joined(each, "" if each.endswith(".") else ".", between="") for each in map(str, words) if each)
        return Problem(LEFT_OUT, joined(*ended))
    # A part that somebody may have refunded meanwhile by other means must not be refunded a second time.
    if payment and item.amount is not None and item.expected_balance != payment.refundable_amount:
        message = _("This order has changed since it was checked. If this part is still due, refund it by itself.")
        return Problem(LEFT_OUT, message)
    return None


def _with_account(request: RefundRequest, refund: RefundRecord, accounts: Mapping[int, RefundAccount]) -> RefundRequest:
    """Add the account that the refund was meant for, unless it is not kept or would be refused again."""
    kept = accounts.get(refund.pk)
    if kept is None or refund.refusal_class in _WITHOUT_ACCOUNT:
        return request
    try:
        account = open_account(kept)
    except DecryptError:
        return request  # the check says that the order needs one
    return replace(request, refund_holder=account.holder, refund_bank=refund.refund_bank, refund_account=account.number)
