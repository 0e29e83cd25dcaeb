"""Say on the confirmation page which refunds become requests for approval, before they are requested."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from core.money import KRW, quantize
from refunds.admin.bulk_refund.rows import Row
from refunds.approvals.words import decider_names, why_text
from refunds.inputs import Actor
from refunds.models import ApprovalRule
from refunds.services.approval_limits import has_limits, left_at_once, left_today


@dataclass(frozen=True, slots=True)
class ApprovalNotice:
    """Hold what a page says about a second person. A script shows it once the amounts typed are above a limit."""

    is_needed: bool
    why: list[str]
    deciders: list[str] = field(default_factory=list)
    days: int = 0


def approval_notice(why: Sequence[str], user: User, *, is_needed: bool) -> ApprovalNotice:
    return ApprovalNotice(is_needed, list(why), decider_names(user), settings.REFUND_APPROVAL_EXPIRES_DAYS)


def page_notice(rows: Sequence[Row], user: User) -> tuple[ApprovalNotice | None, str | None]:
    """Return what the confirmation page says, and up to which sum in won its orders are sent at once.

    None for both where no limit counts. Each order gets its own limit as well.
    """
    if not has_limits():
        return None, None
    actor, now = Actor(user.get_username(), user), timezone.now()
    for row in rows:
        left = left_at_once(payment=row.payment, actor=actor, now=now)
        row.at_once = None if left is None else f"{quantize(left, row.payment.currency):f}"
    real = [row for row in rows if row.ticked and not row.payment.sandbox]
    limit = _limit_of_several(actor, now) if len(rows) > 1 else None
    total = sum((row.amount or Decimal(0) for row in real if row.payment.currency == KRW), Decimal(0))
    needs = list(dict.fromkeys(row.preview.approval.message for row in real if row.preview.approval))
    is_above = limit is not None and len(real) > 1 and total > limit
    notice = approval_notice(needs or _limits(len(rows)), user, is_needed=bool(needs or is_above))
    return notice, None if limit is None else f"{quantize(limit, KRW):f}"


def _limit_of_several(actor: Actor, now: datetime) -> Decimal | None:
    limits = [settings.BULK_APPROVAL_ABOVE or None, left_today(actor, now)]
    return min((limit for limit in limits if limit is not None), default=None)


def _limits(orders: int) -> list[str]:
    """Return the limits in words."""
    limits = {
        ApprovalRule.PER_REFUND: settings.REFUND_APPROVAL_ABOVE,
        ApprovalRule.PER_DAY: settings.REFUND_APPROVAL_DAILY,
        ApprovalRule.PER_BATCH: settings.BULK_APPROVAL_ABOVE if orders > 1 else 0,
    }
    return [why_text(rule, Decimal(limit)) for rule, limit in limits.items() if limit]
