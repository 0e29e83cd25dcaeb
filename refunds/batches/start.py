"""Start a checked batch, or leave some of its orders out before."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from access.models import authenticator_of
from access.two_factor.service import CodeRefused, check_code
from core.money import KRW, format_money
from core.sentences import sentence as _
from refunds.batches.check import LEFT_OUT
from refunds.batches.create import CHUNK
from refunds.batches.errors import (
    BatchApprovalRequired,
    BatchEmpty,
    BatchHasProblems,
    BatchReasonRequired,
    BatchStateError,
    SecondFactorRefused,
    TotalDiffers,
    WarningsNotAccepted,
)
from refunds.batches.events import add_batch_event
from refunds.batches.preview import items_with_warning, ready_items, totals_of, warning_codes
from refunds.errors import RefundNotAllowed
from refunds.inputs import Actor
from refunds.models import BatchStatus, RefundBatch, RefundRecord
from refunds.permissions import may_approve, may_refund_any
from refunds.services.reasons import missing_reason

Totals = Mapping[str, Decimal]


def start_batch(
    *, batch: RefundBatch, actor: Actor, totals: Totals, accepted: Collection[str], second_factor: str = ""
) -> None:
    """Start it once: checked -> running. Its refunds are the actor's. Have a worker run it after this.

    `totals` is what was typed for each currency, `accepted` the codes of the accepted warnings, `second_factor` a
    fresh code where `needs_second_factor`. Raises `RefundNotAllowed`, `BatchStateError`, `BatchEmpty`,
    `BatchHasProblems`, `TotalDiffers`, `WarningsNotAccepted`, `BatchApprovalRequired` or `SecondFactorRefused`; then
    nothing was started.
    """
    _ensure_may_start(batch, actor, totals, accepted)
    if actor.user is not None and needs_second_factor(actor, totals):
        _use_code(actor.user, second_factor)
    with transaction.atomic(durable=True):
        locked = _locked(batch)
        _ensure_may_start(locked, actor, totals, accepted)  # nothing can change any more
        locked.items.filter(excluded=True).exclude(encrypted_account="").update(encrypted_account="")
        ready_items(locked).exclude(encrypted_row="").update(encrypted_row="")
        locked.status, locked.started_at = BatchStatus.RUNNING, timezone.now()
        locked.requested_by, locked.requested_by_name = actor.user, actor.name[:200]
        locked.save(update_fields=["status", "started_at", "requested_by", "requested_by_name"])
        typed = {currency: str(total) for currency, total in totals.items()}
        add_batch_event(locked, "started", actor=actor, totals=typed, accepted=sorted(accepted))
    batch.refresh_from_db()


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


def _locked(batch: RefundBatch) -> RefundBatch:
    """Lock a checked batch: a check, another start and leaving out wait. Raises `BatchStateError`."""
    locked = RefundBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if locked.status != BatchStatus.CHECKED:
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
    if actor.user is not None:
        ensure_approved(batch, actor.user, due)


def _ensure_reasons(batch: RefundBatch) -> None:
    """Raise `BatchReasonRequired` if an order has no reason of the list, and the shop requires one."""
    if settings.REFUND_REASON_REQUIRED and not batch.reason_code and ready_items(batch).filter(reason_code="").exists():
        raise BatchReasonRequired(missing_reason().message)


def ensure_approved(batch: RefundBatch, user: User, due: Totals) -> None:
    """Raise `BatchApprovalRequired` if the whole batch is too large for this user.

    What they refunded of its payments before counts as well, as it does for each single refund.
    """
    limit = settings.REFUND_APPROVAL_ABOVE
    if not limit or not due or may_approve(user):
        return
    foreign = sorted(set(due) - {KRW})
    if foreign:
        message = _("Refunds in %(currency)s need approval. Ask a colleague who can approve them.")
        raise BatchApprovalRequired(message % {"currency": ", ".join(foreign)})
    payments = ready_items(batch).filter(payment__sandbox=False).values("payment")
    earlier = RefundRecord.objects.filter(requested_by=user, payment__in=payments).counting().shown_total()
    if due[KRW] + earlier > limit:
        message = _(
            "Bulk refunds above %(limit)s need approval. Ask a colleague who can approve them to start this one."
        )
        raise BatchApprovalRequired(message % {"limit": format_money(limit, KRW)})


def _use_code(user: User, code: str) -> None:
    """Use up a fresh code of the user's device. Raises `SecondFactorRefused`."""
    if not code.strip():
        message = _("This bulk refund is large: enter a code from your authenticator app.")
        raise SecondFactorRefused("second_factor_required", message, was_tried=False)
    try:
        check_code(user=user, code=code)
    except CodeRefused as exc:
        raise SecondFactorRefused(exc.code, exc.message, was_tried=exc.was_tried) from exc
