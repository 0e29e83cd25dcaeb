"""Limits above which a second person approves a refund. Checked in the reservation, so for every entry point.

Buyers who refund their own orders are exempt: they get back what they paid. What was approved does not count towards
any limit. Money that left or may have left counts on the day on which it was requested, also if it is known later.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q

from core.dates import parse_moment, seoul_date
from core.money import KRW, format_money
from core.sentences import sentence as _
from payments.models import Payment
from refunds.errors import Violation
from refunds.inputs import Actor
from refunds.models import ApprovalRule, RefundRecord, RefundRecordQuerySet, RefundSource
from refunds.permissions import is_buyer

CODE = "approval_required"  # of the note that a refund becomes a request


@dataclass(frozen=True, slots=True)
class ApprovalNeed:
    """Which limit a refund is above, why, and the limit in won (0: the rule has none)."""

    rule: ApprovalRule
    limit: Decimal
    message: str

    @property
    def note(self) -> Violation:
        """Return it as something to know before the refund is requested."""
        return Violation(CODE, self.message)


def has_limits() -> bool:
    """Return whether any refund needs a second person."""
    return bool(settings.REFUND_APPROVAL_ABOVE or settings.REFUND_APPROVAL_DAILY or settings.BULK_APPROVAL_ABOVE)


def approval_need(
    *, payment: Payment, amount: Decimal, actor: Actor, now: datetime, lock: bool = False
) -> ApprovalNeed | None:
    """Return why a second person has to approve this refund; None if nobody has to.

    `lock` makes other refunds of this person wait, so that two at once cannot both fit into the limit of the day. It
    needs a transaction.
    """
    if payment.sandbox or not has_limits() or is_buyer(actor.user):
        return None
    if payment.currency != KRW:
        return foreign_need(payment.currency)
    if need := above_per_refund(amount, refunds_by(actor).filter(payment=payment).taken_total()):
        return need
    if not settings.REFUND_APPROVAL_DAILY:
        return None
    if lock:
        lock_person(actor)
    return above_per_day(amount, actor, now)


def left_at_once(*, payment: Payment, actor: Actor, now: datetime) -> Decimal | None:
    """Return up to which amount a refund needs no second person, in major units; None: any amount."""
    if payment.sandbox or not has_limits() or is_buyer(actor.user):
        return None
    if payment.currency != KRW:
        return Decimal(0)
    left = [left_today(actor, now)]
    if settings.REFUND_APPROVAL_ABOVE:
        left.append(settings.REFUND_APPROVAL_ABOVE - refunds_by(actor).filter(payment=payment).taken_total())
    return min((max(each, Decimal(0)) for each in left if each is not None), default=None)


def left_today(actor: Actor, now: datetime) -> Decimal | None:
    """Return how much this person may still refund today without a second one, in won; None: any amount."""
    limit = settings.REFUND_APPROVAL_DAILY
    return max(limit - _refunded_today(actor, now), Decimal(0)) if limit else None


def foreign_need(currency: str) -> ApprovalNeed:
    """Return the need of any other currency: there is no rate to compare it with the limits by."""
    message = _("Refunds in %(currency)s are approved by a second person.") % {"currency": currency}
    return ApprovalNeed(ApprovalRule.CURRENCY, Decimal(0), message)


def above_per_refund(amount: Decimal, earlier: Decimal) -> ApprovalNeed | None:
    """Return the need of one refund. `earlier` is what the same person refunded of the payment: parts add up."""
    limit = settings.REFUND_APPROVAL_ABOVE
    if not limit or earlier + amount <= limit:
        return None
    words = {"limit": format_money(limit, KRW), "earlier": format_money(earlier, KRW)}
    message = _("Refunds above %(limit)s are approved by a second person.")
    if earlier:
        message = _(
            "The requester already refunded %(earlier)s of this order. The total is above %(limit)s, so a second "
            "person approves this refund."
        )
    return ApprovalNeed(ApprovalRule.PER_REFUND, limit, message % words)


def above_per_day(amount: Decimal, actor: Actor, now: datetime) -> ApprovalNeed | None:
    """Return the need of what one person refunds on one day in Korea."""
    limit = settings.REFUND_APPROVAL_DAILY
    if not limit:
        return None
    today = _refunded_today(actor, now)
    if today + amount <= limit:
        return None
    words = {"limit": format_money(limit, KRW), "today": format_money(today, KRW)}
    message = _(
        "The requester's refunds of today, %(today)s without this one, would be above %(limit)s. A second person "
        "approves what is above."
    )
    return ApprovalNeed(ApprovalRule.PER_DAY, limit, message % words)


def _refunded_today(actor: Actor, now: datetime) -> Decimal:
    midnight = parse_moment(seoul_date(now))
    return refunds_by(actor).filter(payment__currency=KRW, requested_at__gte=midnight).taken_total()


def refunds_by(actor: Actor) -> RefundRecordQuerySet:
    """Return the refunds that this person made without a second one: done, still open, or executed late."""
    who = Q(requested_by=actor.user)
    if actor.user is None:  # the command line, by the name of the operator
        who = Q(requested_by=None, source=RefundSource.COMMAND, requested_by_name=actor.name[:200])
    return RefundRecord.objects.real().filter(who, approval=None).taking()


def lock_person(actor: Actor) -> None:
    """Have other refunds of this person wait for the end of the transaction. SQLite's transactions always do."""
    if actor.user is not None:
        User.objects.select_for_update(no_key=True).get(pk=actor.user.pk)
    elif connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"refunds:{actor.name}"])
