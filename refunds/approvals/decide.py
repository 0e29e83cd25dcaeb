"""Decide a request for approval: approve, reject or withdraw it, or end it when its time is over.

Decisions are made in the admin only: a token or a command has no second pair of eyes. Whatever two approvers, two tabs
or a crash do, a refund is sent once: one durable transaction locks the payment and the request, marks it approved and
inserts the refund's record; then i'mport is called. A crash in between leaves an open refund, which is reconciled.
"""

from datetime import datetime
from typing import cast

from django.contrib.auth.models import User
from django.db import transaction

from core import clock
from payments.gateway import CancelRequest, Gateway, GatewayBusy, call_slot, get_gateway
from payments.models import Payment
from refunds import policies
from refunds.approvals.errors import ApprovalChanged, NotAnApprover, NoteRequired, NotTheRequester, OwnRequest
from refunds.approvals.view import (
    CurrentView,
    batch_findings,
    current_view,
    frozen_context,
    is_all_seen,
    requester_problems,
)
from refunds.batches.start import start_approved
from refunds.errors import (
    ApprovalEnded,
    Busy,
    PolicyViolated,
    RefundInProgress,
    Violation,
)
from refunds.inputs import Actor, printable
from refunds.ledger import add_event
from refunds.models import (
    MAX_DECISION_NOTE,
    ApprovalStatus,
    ClosedCode,
    RefundApproval,
    RefundBatch,
    RefundRecord,
    RefundSource,
)
from refunds.permissions import may_approve
from refunds.services.account_holder import unnamed
from refunds.services.approval_requests import end_request, write_on_order
from refunds.services.bank_accounts import without_accounts
from refunds.services.idempotency import find_by_key
from refunds.services.refund import execute
from refunds.services.reserve import Asked, Reservation, cancel_request_of, insert_record, lock_payments, new_record

PASSING = frozenset({"ksnet_night"})  # rules that forbid a refund for some hours only


def may_decide(user: User, approval: RefundApproval) -> bool:
    """Return whether this user may approve or reject this request."""
    return user.is_active and may_approve(user) and approval.requested_by_id != user.pk


def approve(
    *, approval: RefundApproval, user: User, seen: str, note: str = "", gateway: Gateway | None = None
) -> RefundRecord | None:
    """Approve a request, and send its refund. Returns the refund, whatever became of it; None: its batch was started.

    `seen` is that of the `CurrentView` that the approver was shown. Have a worker run a batch after this.

    Raises `NotAnApprover`, `OwnRequest`, `ApprovalChanged`, `RefundInProgress`, `PolicyViolated` (for some hours only),
    `TokenRefused`, `AccountUnreadable` or `Busy`: then nothing was changed. Raises `ApprovalEnded` if it is decided, or
    if it just ended because its time is over, the balance or a rule has changed, or the requester may not refund any
    more: then it has to be requested again. Raises `RefundOutcomeUnknown` if the outcome could not be written.
    """
    _ensure_may_decide(user, approval)
    if approval.batch_id is not None:
        _approve_batch(approval, user, seen, note)
        return None
    try:
        with call_slot(for_staff=True):
            view = current_view(approval, gateway=gateway)  # reads i'mport; the decision itself must not wait for that
            record, cancel = _commit(approval, user, view, seen, note)
            done = execute(record, cancel, gateway or get_gateway())
            done.warnings = record.warnings
            return done
    except GatewayBusy as exc:
        raise Busy(exc.message) from exc


def reject(*, approval: RefundApproval, user: User, note: str) -> None:
    """Reject a request. Raises `NotAnApprover`, `OwnRequest`, `NoteRequired` or `ApprovalEnded`."""
    if not note.strip():
        raise NoteRequired
    with transaction.atomic(durable=True):
        locked = _locked(approval)
        _ensure_may_decide(user, locked)
        end_request(
            locked,
            ApprovalStatus.REJECTED,
            at=clock.database_now(),
            user=user,
            note=_kept(note, locked),
        )
    approval.refresh_from_db()


def withdraw(*, approval: RefundApproval, user: User) -> None:
    """Take back one's own request. Raises `NotTheRequester` or `ApprovalEnded`."""
    with transaction.atomic(durable=True):
        locked = _locked(approval)
        if locked.requested_by_id != user.pk:
            raise NotTheRequester
        now = clock.database_now()
        end_request(locked, ApprovalStatus.WITHDRAWN, at=now, closed_code=ClosedCode.WITHDRAWN)
    approval.refresh_from_db()


def expire_overdue(now: datetime) -> int:
    """End the requests that nobody decided in time. Returns how many. Safe to run twice at once."""
    ended = 0
    for approval in RefundApproval.objects.overdue(now):
        try:
            with transaction.atomic(durable=True):
                end_request(approval, ApprovalStatus.EXPIRED, at=now, closed_code=ClosedCode.EXPIRED)
        except ApprovalEnded:  # decided just now
            continue
        ended += 1
    return ended


def expire_changed(now: datetime) -> int:
    """End the requests whose payment's balance has changed: no decision could send them. Returns how many."""
    ended = 0
    for approval in RefundApproval.objects.outdated():
        try:
            with transaction.atomic(durable=True):
                payment = lock_payments("id", approval.payment_id)[0]
                if payment.refundable_amount == approval.balance or payment.refunds.live().exists():
                    continue
                end_request(approval, ApprovalStatus.EXPIRED, at=now, closed_code=ClosedCode.BALANCE_CHANGED)
        except ApprovalEnded:  # decided just now
            continue
        ended += 1
    return ended


def _ensure_may_decide(user: User, approval: RefundApproval) -> None:
    """Raise `NotAnApprover` or `OwnRequest`, by the account as it is now in the database."""
    fresh = User.objects.filter(pk=user.pk).first()
    if fresh is None or not (fresh.is_active and may_approve(fresh)):
        raise NotAnApprover
    if approval.requested_by_id == fresh.pk:
        raise OwnRequest


def _commit(
    approval: RefundApproval, user: User, view: CurrentView, seen: str, note: str
) -> tuple[RefundRecord, CancelRequest]:
    """Mark it approved and insert its record, in one transaction; or end it, and raise `ApprovalEnded`."""
    with transaction.atomic(durable=True):
        payment = lock_payments("id", approval.payment_id)[0]
        locked = _locked(approval)
        _ensure_may_decide(user, locked)
        now = clock.database_now()
        closed = _closed_code(locked, payment, view, now)
        if closed is None:
            record, cancel = _approve_locked(locked, payment, user, view, seen, note, now)
        else:
            end_request(locked, ApprovalStatus.EXPIRED, at=now, closed_code=closed)
    approval.refresh_from_db()
    if closed is not None:
        raise ApprovalEnded(approval)
    return record, cancel


def _approve_locked(
    approval: RefundApproval,
    payment: Payment,
    user: User,
    view: CurrentView,
    seen: str,
    note: str,
    now: datetime,
) -> tuple[RefundRecord, CancelRequest]:
    """Write the decision and the record. Raises what keeps it from being approved now."""
    if payment.refunds.live().exists():
        raise RefundInProgress
    reservation = _reservation(approval, payment, view)
    if not is_all_seen(seen, approval, (*reservation.warnings, *view.warnings)):
        raise ApprovalChanged
    asked = Asked(
        lambda: payment,
        reservation.context.request,
        _requester(approval),
        RefundSource(approval.source),
        None,
        approval,
    )
    record = new_record(reservation, asked)
    # A key that was sent for two payments at the same moment has the refund of the other one already.
    if find_by_key(approval.requested_by, approval.idempotency_key) is None:
        record.idempotency_key, record.fingerprint = approval.idempotency_key, approval.fingerprint
    record.retain_promotion = approval.retain_promotion
    record.warnings = unnamed(view.warnings)
    end_request(approval, ApprovalStatus.APPROVED, at=now, user=user, note=_kept(note, approval))
    insert_record(record, reservation, asked.actor)
    add_event(record, code="approved", now=now, actor=approval.decided_by_name, data={"approval": approval.number})
    write_on_order(approval, at=now, refund=record)
    return record, cancel_request_of(record, reservation)


def _reservation(approval: RefundApproval, payment: Payment, view: CurrentView) -> Reservation:
    """Return the frozen refund as it is sent, with the warnings of this moment. It passed the rules just before."""
    context = frozen_context(approval, payment, view.balance)
    return Reservation(
        context=context,
        account=policies.wire_account(context),
        reason=approval.frozen_reason,
        tax_free=approval.tax_free,
        vat_amount=approval.vat_amount,
        warnings=policies.check(context).warnings,
    )


def _closed_code(approval: RefundApproval, payment: Payment, view: CurrentView, now: datetime) -> ClosedCode | None:
    """Return why this request cannot be approved any more; None if it can. Raises `PolicyViolated` for a while."""
    if approval.expires_at <= now:
        return ClosedCode.EXPIRED
    if requester_problems(approval, now):
        return ClosedCode.REQUESTER_GONE
    if payment.refunds.live().exists():
        return None  # its end decides about the balance
    if payment.refundable_amount != approval.balance:
        return ClosedCode.BALANCE_CHANGED
    violations = policies.check(frozen_context(approval, payment, view.balance)).violations
    if passing := _passing(violations):
        raise PolicyViolated(passing)
    return ClosedCode.RULES_CHANGED if violations else None


def _passing(violations: tuple[Violation, ...]) -> tuple[Violation, ...]:
    return violations if violations and all(found.code in PASSING for found in violations) else ()


def _approve_batch(approval: RefundApproval, user: User, seen: str, note: str) -> None:
    """Approve a whole batch and start it as its requester; or end the request, and raise `ApprovalEnded`."""
    with transaction.atomic(durable=True):
        locked = _locked(approval)
        _ensure_may_decide(user, locked)
        now = clock.database_now()
        problems, warnings = batch_findings(cast(RefundBatch, locked.batch))
        closed = ClosedCode.EXPIRED if locked.expires_at <= now else None
        if closed is None and requester_problems(locked, now):
            closed = ClosedCode.REQUESTER_GONE
        if closed is None and problems:
            closed = ClosedCode.RULES_CHANGED
        if closed is not None:
            end_request(locked, ApprovalStatus.EXPIRED, at=now, closed_code=closed)
        elif not is_all_seen(seen, locked, warnings):
            raise ApprovalChanged
        else:
            end_request(locked, ApprovalStatus.APPROVED, at=now, user=user, note=_kept(note, locked))
            start_approved(locked, requester=_requester(locked), approver=user.get_username())
    approval.refresh_from_db()
    if closed is not None:
        raise ApprovalEnded(approval)


def _requester(approval: RefundApproval) -> Actor:
    return Actor(name=approval.requested_by_name, user=approval.requested_by, token=approval.api_token)


def _locked(approval: RefundApproval) -> RefundApproval:
    """Lock and return the request as it is now. Raises `ApprovalEnded` if it is decided."""
    locked = RefundApproval.objects.select_for_update(no_key=True).get(pk=approval.pk)
    if not locked.is_waiting:
        raise ApprovalEnded(locked)
    return locked


def _kept(note: str, approval: RefundApproval) -> str:
    """Return the note as it is stored: in one line, without the account number of the request."""
    shown = without_accounts(note, approval.payment) if approval.payment else note
    return printable(shown)[:MAX_DECISION_NOTE]
