"""Start a checked batch, or leave some of its orders out before."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from access.models import authenticator_of
from access.two_factor.service import CodeRefused, check_code
from core import clock
from core.money import KRW, format_money
from core.sentences import sentence as _
from refunds.batches.check import LEFT_OUT
from refunds.batches.create import CHUNK
from refunds.batches.errors import (
    BatchEmpty,
    BatchError,
    BatchHasProblems,
    BatchReasonRequired,
    BatchStateError,
    SecondFactorRefused,
    TotalDiffers,
    WarningsNotAccepted,
)
from refunds.batches.events import add_batch_event
from refunds.batches.preview import AMOUNT, items_with_warning, ready_items, stored_warnings, totals_of, warning_codes
from refunds.errors import RefundNotAllowed
from refunds.inputs import Actor
from refunds.models import TAKEN_TOTAL, ApprovalRule, BatchStatus, RefundApproval, RefundBatch, RefundBatchItem
from refunds.permissions import is_buyer, may_refund_any
from refunds.services.approval_limits import (
    ApprovalNeed,
    above_per_day,
    above_per_refund,
    foreign_need,
    has_limits,
    lock_person,
    refunds_by,
)
from refunds.services.approval_requests import request_batch_approval
from refunds.services.reasons import missing_reason

Totals = Mapping[str, Decimal]


def start_batch(
    *, batch: RefundBatch, actor: Actor, totals: Totals, accepted: Collection[str], second_factor: str = ""
) -> RefundApproval | None:
    """Start it once: checked -> running. Its refunds are the actor's. Have a worker run it after this.

    Above a limit, request its approval instead and return the request: checked -> awaiting. A batch of one order is
    started: the order itself becomes the request.

    `totals` is what was typed for each currency, `accepted` the codes of the accepted warnings, `second_factor` a
    fresh code where `needs_second_factor`. Raises `RefundNotAllowed`, `BatchStateError`, `BatchEmpty`,
    `BatchHasProblems`, `TotalDiffers`, `WarningsNotAccepted` or `SecondFactorRefused`; then nothing was started.
    """
    _ensure_may_start(batch, actor, totals, accepted)
    if actor.user is not None and needs_second_factor(actor, totals):
        _use_code(actor.user, second_factor)
    with transaction.atomic(durable=True):
        locked = _locked(batch)
        _ensure_may_start(locked, actor, totals, accepted)  # nothing can change any more
        typed = {currency: str(total) for currency, total in totals.items()}
        need = batch_approval_need(locked, actor, lock=True)
        if need is None:
            approval = None
            _run(locked, actor, totals=typed, accepted=sorted(accepted))
        else:
            approval = _await_approval(locked, actor, need, sorted(accepted))
    batch.refresh_from_db()
    return approval


def start_approved(approval: RefundApproval, *, requester: Actor, approver: str) -> None:
    """Start an approved batch as its requester: awaiting -> running. Part of the decision's transaction.

    Raises `BatchStateError`.
    """
    locked = _locked(cast(RefundBatch, approval.batch), BatchStatus.AWAITING)
    _run(locked, requester, totals=approval.totals, approval=approval.number, approved_by=approver)


def start_problems(batch: RefundBatch) -> list[BatchError]:
    """Return what keeps a batch that awaits approval from being started."""
    if batch.status != BatchStatus.AWAITING:
        return [BatchStateError(batch)]
    return [] if ready_items(batch).exists() else [BatchEmpty()]


def _run(locked: RefundBatch, actor: Actor, **data: object) -> None:
    """Begin the locked batch as this actor's."""
    locked.items.filter(excluded=True).exclude(encrypted_account="").update(encrypted_account="")
    ready_items(locked).exclude(encrypted_row="").update(encrypted_row="")
    locked.status, locked.started_at = BatchStatus.RUNNING, timezone.now()
    locked.requested_by, locked.requested_by_name = actor.user, actor.name[:200]
    locked.save(update_fields=["status", "started_at", "requested_by", "requested_by_name"])
    add_batch_event(locked, "started", actor=actor, **data)


def _await_approval(locked: RefundBatch, actor: Actor, need: ApprovalNeed, accepted: Sequence[str]) -> RefundApproval:
    locked.status = BatchStatus.AWAITING
    locked.requested_by, locked.requested_by_name = actor.user, actor.name[:200]
    locked.save(update_fields=["status", "requested_by", "requested_by_name"])
    orders, totals = ready_items(locked).count(), totals_of(locked)
    approval = request_batch_approval(
        batch=locked,
        need=need,
        actor=actor,
        totals=totals,
        orders=orders,
        warnings=stored_warnings(locked),
        at=clock.database_now(),
    )
    typed = {currency: str(total) for currency, total in totals.items()}
    add_batch_event(
        locked, "approval_requested", actor=actor, approval=approval.number, totals=typed, accepted=accepted
    )
    return approval


def batch_approval_need(batch: RefundBatch, actor: Actor, *, lock: bool = False) -> ApprovalNeed | None:
    """Return why a second person has to approve the batch as a whole; None if nobody has to.

    That is so if its total is above BULK_APPROVAL_ABOVE, and if one of its orders, or all together on this day, would
    need it without the batch: one decision instead of many. Test payments never need it.
    """
    orders = ready_items(batch).filter(payment__sandbox=False)
    if not has_limits() or is_buyer(actor.user) or orders[:2].count() < 2:
        return None
    due = totals_of(batch)
    if foreign := sorted(set(due) - {KRW}):
        return foreign_need(", ".join(foreign))
    total = due.get(KRW, Decimal(0))
    limit = settings.BULK_APPROVAL_ABOVE
    if limit and total > limit:
        message = _("Bulk refunds above %(limit)s are approved by a second person.")
        return ApprovalNeed(ApprovalRule.PER_BATCH, limit, message % {"limit": format_money(limit, KRW)})
    if need := _largest_need(orders, actor):
        return need
    if lock and settings.REFUND_APPROVAL_DAILY:
        lock_person(actor)
    return above_per_day(total, actor, timezone.now())


def _largest_need(orders: QuerySet[RefundBatchItem], actor: Actor) -> ApprovalNeed | None:
    """Return the need of the order whose payment the same person would have refunded most of."""
    if not settings.REFUND_APPROVAL_ABOVE:
        return None
    largest: Decimal = orders.aggregate(most=Max(AMOUNT))["most"] or Decimal(0)
    if need := above_per_refund(largest, Decimal(0)):
        return need
    by_payment = refunds_by(actor).filter(payment__in=orders.values("payment")).order_by().values_list("payment")
    earlier = dict(by_payment.annotate(total=TAKEN_TOTAL))
    amounts = orders.filter(payment__in=earlier).values_list("payment", AMOUNT)
    needs = (above_per_refund(amount, earlier[payment]) for payment, amount in amounts)
    return next((need for need in needs if need), None)


def needs_second_factor(actor: Actor, totals: Totals) -> bool:
    """Return whether the start asks for a fresh code: above BULK_CONFIRM_ABOVE, where the account has a device.

    Amounts in other currencies always ask for it: there is no rate to compare them by.
    """
    limit = settings.BULK_CONFIRM_ABOVE
    is_large = any(total and (currency != KRW or total > limit) for currency, total in totals.items())
    return bool(limit and is_large and actor.user is not None and authenticator_of(actor.user))


def leave_out(*, batch: RefundBatch, actor: Actor, items: Collection[int] = (), warning: str = "") -> int:
    """Exclude orders from a checked batch for good: these, and all that have this warning. Return how many.

    Raises `BatchStateError`.
    """
    with transaction.atomic(durable=True):
        locked = _locked(batch)
        ids = [*items, *(items_with_warning(locked, warning) if warning else ())]
        count = 0
        message = _("Left out before the start.")
        for start in range(0, len(ids), CHUNK):
            some = ready_items(locked).filter(pk__in=ids[start : start + CHUNK])
            count += some.update(excluded=True, error_code=LEFT_OUT, message=message, encrypted_account="", warnings=[])
        add_batch_event(locked, LEFT_OUT, actor=actor, orders=count, warning=warning)
    return count


def _locked(batch: RefundBatch, status: BatchStatus = BatchStatus.CHECKED) -> RefundBatch:
    """Lock a batch with this status: a check, another start and leaving out wait. Raises `BatchStateError`."""
    locked = RefundBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if locked.status != status:
        raise BatchStateError(locked)
    return locked


def _ensure_may_start(batch: RefundBatch, actor: Actor, totals: Totals, accepted: Collection[str]) -> None:
    """Raise what keeps this actor from starting the batch."""
    if actor.user is not None and not may_refund_any(actor.user):
        raise RefundNotAllowed
    if batch.status != BatchStatus.CHECKED:
        raise BatchStateError(batch)
    if not ready_items(batch).exists():
        raise BatchEmpty
    problems = batch.items.filter(excluded=True).exclude(error_code=LEFT_OUT) if batch.all_or_nothing else None
    if problems is not None and (count := problems.count()):
        raise BatchHasProblems(count)
    _ensure_reasons(batch)
    due = totals_of(batch)
    if {currency: total for currency, total in totals.items() if total} != due:
        raise TotalDiffers
    if missing := warning_codes(batch) - set(accepted):
        raise WarningsNotAccepted(missing)


def _ensure_reasons(batch: RefundBatch) -> None:
    """Raise `BatchReasonRequired` if an order has no reason of the list, and the shop requires one."""
    if settings.REFUND_REASON_REQUIRED and not batch.reason_code and ready_items(batch).filter(reason_code="").exists():
        raise BatchReasonRequired(missing_reason().message)


def _use_code(user: User, code: str) -> None:
    """Use up a fresh code of the user's device. Raises `SecondFactorRefused`."""
    if not code.strip():
        message = _("This bulk refund is large: enter a code from your authenticator app.")
        raise SecondFactorRefused("second_factor_required", message, was_tried=False)
    try:
        check_code(user=user, code=code)
    except CodeRefused as exc:
        raise SecondFactorRefused(exc.code, exc.message, was_tried=exc.was_tried) from exc
