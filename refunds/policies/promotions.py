"""Promotions: the option that binds later refunds, and what the buyer is expected to receive.

A payment shows its discount, but not the promotion's conditions, nor which option earlier refunds took. i'mport
decides what is given back, and the ledger books its answer; nothing here does.
"""

from decimal import ROUND_DOWN, Decimal

from core.money import precision
from refunds.policies.context import RefundContext


def effective_retain(context: RefundContext) -> bool | None:
    """Return the option to send to i'mport: whether the rest keeps the promotion; None = not sent."""
    return context.request.retain_promotion if context.payment.has_promotion else None


def option_taken(context: RefundContext) -> bool | None:
    """Return the option of the first refund of ours, which binds all later ones; None: there is none.

    A cancel in i'mport's console binds too, but does not show its option. If a refund of ours succeeded after it, its
    option was the same.
    """
    taken = (record.retain_promotion for record in context.earlier if record.net_amount)
    return next((option for option in taken if option is not None), None)


def must_be_kept(context: RefundContext) -> bool:
    return option_taken(context) is True and effective_retain(context) is False


def must_not_be_kept(context: RefundContext) -> bool:
    return option_taken(context) is False and effective_retain(context) is True


def kept_by_buyer(context: RefundContext) -> bool:
    """Return whether a buyer asks to keep the promotion, which gives back more, before the shop ever did."""
    by_buyer = context.request.requester == "customer"
    return by_buyer and effective_retain(context) is True and option_taken(context) is not True


def option_unknown(context: RefundContext) -> bool:
    """Return whether an option binds that nobody here knows."""
    payment = context.payment
    return payment.has_promotion and payment.cancel_amount > 0 and option_taken(context) is None


# --- What the buyer is expected to receive --------------------------------------------------------------------------


def is_first(context: RefundContext) -> bool:
    """Return whether nothing was refunded yet and the discount is known. Later refunds are not documented."""
    return context.payment.promotion_discount > 0 and context.payment.cancel_amount == 0


def is_whole(context: RefundContext) -> bool:
    return is_first(context) and not context.is_partial


def keeps_its_share(context: RefundContext) -> bool:
    """Return whether the rest keeps the promotion, so that the refund bears its share of the discount."""
    return is_first(context) and context.is_partial and context.request.retain_promotion


def depends_on_conditions(context: RefundContext) -> bool:
    return _may_lapse(context) and discount_left_out(context) > 0


def may_be_refused(context: RefundContext) -> bool:
    """Return whether the rest, without its discount, would cost as much as was paid or more."""
    return _may_lapse(context) and discount_left_out(context) <= 0


def received(context: RefundContext) -> Decimal | None:
    """Return what the buyer receives; None if a discount makes it less by an amount that is not known."""
    if not context.payment.has_promotion:
        return context.amount
    return expected(context) if is_whole(context) or keeps_its_share(context) else None


def expected(context: RefundContext) -> Decimal:
    """Return the amount less its share of the discount, in whole units of the currency."""
    payment = context.payment
    share = context.amount * (payment.amount - payment.promotion_discount) / payment.amount
    return share.quantize(Decimal(1).scaleb(-precision(payment.currency)), ROUND_DOWN)


def discount_left_out(context: RefundContext) -> Decimal:
    """Return what is given back if the rest loses the whole discount: what was paid, less the rest in full."""
    return context.amount - context.payment.promotion_discount


def _may_lapse(context: RefundContext) -> bool:
    return is_first(context) and context.is_partial and not context.request.retain_promotion
