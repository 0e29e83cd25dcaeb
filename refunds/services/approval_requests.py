"""Make and end requests for approval, each in the caller's transaction, and read what was requested."""

from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Value
from django.db.models.functions import Coalesce

from core.database.rows import rows_of
from core.sentences import packed
from payments.gateway import Requester
from payments.models import Payment
from refunds import policies
from refunds.errors import ApprovalEnded, ApprovalWaiting, Violation
from refunds.inputs import Actor, RefundRequest
from refunds.ledger import send
from refunds.models import (
    ApprovalStatus,
    BatchStatus,
    ClosedCode,
    FrozenReason,
    RefundApproval,
    RefundBatch,
    RefundBatchEvent,
    RefundBatchItem,
    RefundRecord,
    RefundSource,
)
from refunds.policies import RefundContext, WireAccount
from refunds.services.approval_limits import ApprovalNeed
from refunds.services.encrypted_accounts import decrypted_account, encrypted_account_of
from refunds.signals import approval_changed

# Each refund waits for this (core.database.rows says why it is plain SQL).
_WAITING = "SELECT * FROM refunds_refundapproval WHERE payment_id = %s AND status = 'waiting'"
AWAITING = "awaiting_approval"  # the code of an order of a batch whose own refund waits for approval


def ensure_none_waiting(payment: Payment) -> None:
    """Raise `ApprovalWaiting` if another refund of this payment waits for approval. The payment must be locked."""
    if waiting := rows_of(RefundApproval, _WAITING, [payment.pk]):
        raise ApprovalWaiting(waiting[0])


def request_approval(
    *,
    need: ApprovalNeed,
    context: RefundContext,
    account: WireAccount,
    reason: FrozenReason | None,
    warnings: tuple[Violation, ...],
    actor: Actor,
    source: RefundSource,
    idempotency_key: str | None,
    fingerprint: str,
    at: datetime,
) -> RefundApproval:
    """Insert the request of a refund that passed the rules: what would be sent, and what the requester saw."""
    payment, request = context.payment, context.request
    approval = RefundApproval(
        payment=payment,
        amount=context.amount,
        balance=payment.refundable_amount,
        currency=payment.currency,
        tax_free=policies.effective_tax_free(context),
        vat_amount=policies.effective_vat(context),
        retain_promotion=policies.effective_retain(context),
        reason=request.reason,
        requester=request.requester if policies.needs_requester(payment) else "",
        encrypted_account=encrypted_account_of(request),
        refund_bank=account.standard_bank,
        refund_account_last4=account.account[-4:],
        confirmed=sorted(request.confirmed),
        warnings=[{**asdict(warning), "message": packed(warning.message)} for warning in warnings],
        idempotency_key=idempotency_key or None,
        fingerprint=fingerprint if idempotency_key else "",
    )
    approval.frozen_reason = reason
    _insert(approval, need=need, actor=actor, source=source, at=at)
    return approval


def request_batch_approval(
    *,
    batch: RefundBatch,
    need: ApprovalNeed,
    actor: Actor,
    totals: dict[str, Decimal],
    orders: int,
    warnings: list[dict[str, str]],
    at: datetime,
) -> RefundApproval:
    """Insert the request of a whole batch, with the warnings as its orders store them. The caller moves the batch."""
    approval = RefundApproval(
        batch=batch,
        totals={currency: str(total) for currency, total in totals.items()},
        orders=orders,
        reason=batch.reason,
        warnings=warnings,
    )
    approval.frozen_reason = batch.frozen_reason
    _insert(approval, need=need, actor=actor, source=RefundSource(batch.source), at=at)
    return approval


def _insert(approval: RefundApproval, *, need: ApprovalNeed, actor: Actor, source: RefundSource, at: datetime) -> None:
    approval.rule, approval.limit_amount = need.rule, need.limit
    approval.source, approval.api_token = source, actor.token
    approval.requested_by, approval.requested_by_name = actor.user, actor.name[:200]
    approval.requested_at = at
    approval.expires_at = at + timedelta(days=settings.REFUND_APPROVAL_EXPIRES_DAYS)
    approval.save(force_insert=True)
    send(approval_changed, RefundApproval, approval=approval)


def request_of(approval: RefundApproval) -> RefundRequest:
    """Return the frozen request of a payment's refund. Raises `AccountUnreadable`."""
    return RefundRequest(
        amount=approval.amount,
        reason=approval.reason,
        reason_code=approval.reason_code,
        frozen_reason=approval.frozen_reason,
        tax_free=approval.tax_free,
        vat_amount=approval.vat_amount,
        requester=cast(Requester, approval.requester or "admin"),
        expected_balance=approval.balance,
        retain_promotion=bool(approval.retain_promotion),
        confirmed=frozenset(approval.confirmed),
        **decrypted_account(approval.encrypted_account),
    )


def end_request(
    approval: RefundApproval,
    status: ApprovalStatus,
    *,
    at: datetime,
    user: User | None = None,
    note: str = "",
    closed_code: ClosedCode | None = None,
) -> None:
    """End a waiting request for good, erase its account, and free its batch. `user` is who decided.

    Raises `ApprovalEnded` if it has ended already.
    """
    changes = {
        "status": status,
        "decided_by": user,
        "decided_by_name": user.get_username()[:200] if user else "",
        "decided_at": at,
        "note": note,
        "closed_code": closed_code or "",
        "encrypted_account": "",
    }
    if not RefundApproval.objects.waiting().filter(pk=approval.pk).update(**changes):
        approval.refresh_from_db()
        raise ApprovalEnded(approval)
    for name, value in changes.items():
        setattr(approval, name, value)
    if status != ApprovalStatus.APPROVED:
        _free_batch(approval, at)
        ended = ApprovalEnded(approval)
        write_on_order(approval, at=at, error_code=ended.code, message=ended.message)
    send(approval_changed, RefundApproval, approval=approval)


def _free_batch(approval: RefundApproval, at: datetime) -> None:
    """Let a batch that was not approved be changed, started and stopped again."""
    if approval.batch_id is None:
        return
    RefundBatch.objects.filter(pk=approval.batch_id, status=BatchStatus.AWAITING).update(status=BatchStatus.CHECKED)
    data = {"approval": approval.number, "closed": approval.closed_code, "note": approval.note}
    RefundBatchEvent.objects.create(
        batch_id=approval.batch_id,
        at=at,
        code=f"approval_{approval.status}",
        actor=approval.decided_by_name or (approval.requested_by_name if approval.status == "withdrawn" else ""),
        data=data,
    )


def write_on_order(
    approval: RefundApproval,
    *,
    at: datetime,
    refund: RefundRecord | None = None,
    error_code: str = "",
    message: str = "",
) -> None:
    """Write what became of this request on the order of a batch that it is for, if it is one of a batch.

    Also if the order does not say yet that it waits: its runner may be slow, or gone.
    """
    kind, _colon, rest = (approval.idempotency_key or "").partition(":")
    if kind != "batch" or approval.payment_id is None:
        return
    items = RefundBatchItem.objects.filter(
        batch__token=rest.split(":")[0],
        batch__source=approval.source,
        batch__requested_by=approval.requested_by_id,
        payment=approval.payment_id,
        refund=None,
        excluded=False,
    )
    if refund is None:
        items = items.filter(error_code__in=("", AWAITING))
    done_at = Coalesce("done_at", Value(at))
    items.update(refund=refund, error_code=error_code, message=message, encrypted_account="", done_at=done_at)
