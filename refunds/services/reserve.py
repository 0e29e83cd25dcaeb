"""Step 1 of a refund: check the rules against fresh numbers and commit a `requested` record before any call."""

from datetime import timedelta

from django.db import IntegrityError, transaction

from core.money import quantize
from payments.gateway import CancelRequest
from payments.models import Payment
from refunds import policies
from refunds.errors import ApprovalRequired, PolicyViolated, RefundInProgress, RefundRefused, TooManyFailed
from refunds.inputs import Actor, RefundRequest
from refunds.ledger import add_event, wire_reason
from refunds.models import RefundRecord, RefundSource
from refunds.permissions import may_refund_any
from refunds.policies import RefundContext
from refunds.services.approval import approval_missing
from refunds.services.bank_accounts import store_account
from refunds.services.context import context_of
from refunds.services.idempotency import ensure_same_request, find_by_key, fingerprint
from refunds.services.token_limits import ensure_within_limits, lock_token

MAX_FAILED_PER_DAY = 20  # refunds of one payment, before its buyer has to ask the shop: each is a call to i'mport


def reserve(
    *,
    payment: Payment,
    request: RefundRequest,
    actor: Actor,
    source: RefundSource,
    idempotency_key: str | None,
) -> tuple[RefundRecord, CancelRequest | None]:
    """Commit a `requested` record and return it with the call to make.

    Or return the record that this key made before, with no call. Raises `PolicyViolated`, `ApprovalRequired`,
    `TooManyFailed`, `RefundInProgress`, `IdempotencyConflict`, `TokenRefused`; then nothing was written.
    """
    earlier = _made_before(actor, idempotency_key, payment, request)
    if earlier is not None:
        return earlier, None
    try:
        with transaction.atomic(durable=True):
            locked = Payment.objects.select_for_update().get(pk=payment.pk)
            context = context_of(locked, request)
            _ensure_allowed(context, actor)
            record = _new_record(context, actor, source)
            if idempotency_key:
                record.idempotency_key, record.fingerprint = idempotency_key, fingerprint(payment, request)
            _save(record, context, actor)
    except (IntegrityError, PolicyViolated) as exc:
        # Another refund came first. If it was this key's own, its outcome is the answer, not what it left behind.
        earlier = _made_before(actor, idempotency_key, payment, request)
        if earlier is not None:
            return earlier, None
        if isinstance(exc, IntegrityError) and _is_live_conflict(exc):
            raise RefundInProgress from exc
        raise
    return record, _cancel_request(record, context)


def _save(record: RefundRecord, context: RefundContext, actor: Actor) -> None:
    """Insert the record with all that belongs to it, unless too many failed or its token does not reach so far."""
    token = lock_token(actor.token, context.now) if actor.token else None
    # First: that this is a repetition, or that another refund is open, says more than a limit that is used up.
    record.save(force_insert=True)
    _ensure_not_failed_too_often(record, actor)
    if token is not None:
        ensure_within_limits(record, token)
    store_account(record, policies.wire_account(context))
    amounts = {"amount": str(record.amount), "checksum": str(record.checksum)}
    add_event(record, code="requested", now=context.now, actor=record.requested_by_name, data=amounts)


def _ensure_allowed(context: RefundContext, actor: Actor) -> None:
    """Raise `PolicyViolated` if a rule forbids the refund, `ApprovalRequired` if it is too large for who asks."""
    verdict = policies.check(context)
    if verdict.violations:
        raise PolicyViolated(verdict.violations)
    if missing := approval_missing(payment=context.payment, amount=context.amount, user=actor.user):
        raise ApprovalRequired((missing,))


def _ensure_not_failed_too_often(record: RefundRecord, actor: Actor) -> None:
    """Raise `TooManyFailed` if a buyer asks again what i'mport refused all day. Staff and operators may always try.

    What did not reach i'mport does not count: a program that tries again through an outage does no wrong.
    """
    if actor.user is None or may_refund_any(actor.user):
        return
    since = record.requested_at - timedelta(days=1)
    failed = record.payment.refunds.filter(error_code=RefundRefused.code, requested_at__gt=since)
    if failed.count() >= MAX_FAILED_PER_DAY:
        raise TooManyFailed


def _made_before(
    actor: Actor, idempotency_key: str | None, payment: Payment, request: RefundRequest
) -> RefundRecord | None:
    """The record this actor's key made before. Raises `IdempotencyConflict` if it was for another request."""
    record = find_by_key(actor.user, idempotency_key)
    if record is not None:
        ensure_same_request(record, payment, request)
    return record


def _is_live_conflict(exc: IntegrityError) -> bool:
    """Whether the constraint "one live refund per payment" refused the record.

    Looking for the live refund instead would miss one that has ended in between. PostgreSQL names the
    constraint, SQLite only its column.
    """
    return "one_live_refund_per_payment" in str(exc) or str(exc).endswith("refunds_refundrecord.payment_id")


def _new_record(context: RefundContext, actor: Actor, source: RefundSource) -> RefundRecord:
    account = policies.wire_account(context)
    return RefundRecord(
        payment=context.payment,
        source=source,
        requested_by=actor.user,
        requested_by_name=actor.name[:200],
        api_token=actor.token,
        amount=context.amount,
        checksum=context.payment.refundable_amount,
        tax_free=policies.effective_tax_free(context),
        vat_amount=policies.effective_vat(context),
        reason=context.request.reason,
        requester=context.request.requester if policies.needs_requester(context.payment) else "",
        refund_bank=account.standard_bank,
        refund_account_last4=account.account[-4:],
        requested_at=context.now,
    )


def _cancel_request(record: RefundRecord, context: RefundContext) -> CancelRequest:
    account = policies.wire_account(context)
    return CancelRequest(
        imp_uid=record.payment.imp_uid,
        amount=quantize(record.amount, record.payment.currency),
        checksum=quantize(record.checksum, record.payment.currency),
        reason=wire_reason(record),
        refund_holder=account.holder,
        refund_bank=account.bank,
        refund_account=account.account,
        refund_tel=account.tel,
        tax_free=record.tax_free,
        vat_amount=record.vat_amount,
        requester=context.request.requester if record.requester else None,
    )
