"""Tax parts of a refund: the values sent to i'mport, and their limits.

`tax_free_left` and `vat_left` are None if unknown: then nothing is derived from them. With a promotion they are not
comparable with the amounts, so they set no limit.
"""

from decimal import Decimal

from core.money import fits_precision
from refunds.policies.context import RefundContext
from refunds.policies.pg_facts import TAX_FREE_PGS, VAT_PARTIAL_PGS, VAT_PGS


def effective_tax_free(context: RefundContext) -> Decimal | None:
    """Return the tax-free part to send to i'mport: as given, or the only possible value; None = not sent.

    The only possible value is all of it if the refund leaves nothing, and the amount if all that is left is tax-free.
    """
    given, left = context.request.tax_free, context.payment.tax_free_left
    if given is not None or context.payment.pg_provider not in TAX_FREE_PGS or not left:
        return given
    if context.leaves_nothing:
        return left
    return context.amount if is_entirely_tax_free(context) else None


def effective_vat(context: RefundContext) -> Decimal | None:
    """Return the VAT part to send to i'mport: as given, or all of it if the refund leaves nothing; None = not sent."""
    given, left = context.request.vat_amount, context.payment.vat_left
    if given is not None or not takes_vat(context) or not left:
        return given
    return left if context.leaves_nothing else None


def takes_vat(context: RefundContext) -> bool:
    """Return whether the PG accepts a VAT part with this refund (API description)."""
    return context.payment.pg_provider in VAT_PGS or (
        context.payment.pg_provider in VAT_PARTIAL_PGS and context.is_partial
    )


def is_entirely_tax_free(context: RefundContext) -> bool:
    """Return whether the whole refundable amount is tax-free."""
    left, payment = context.payment.tax_free_left, context.payment
    return left is not None and not payment.has_promotion and left >= payment.refundable_amount


def tax_free_missing(context: RefundContext) -> bool:
    """Return whether a tax-free part is left and the refund neither names nor determines its tax-free part."""
    payment = context.payment
    mixed = payment.pg_provider in TAX_FREE_PGS and bool(payment.tax_free_left)
    return mixed and effective_tax_free(context) is None


def tax_free_unknown(context: RefundContext) -> bool:
    """Return whether the PG may need the tax-free part, but neither the payment nor the request gives it."""
    unknown = context.payment.pg_provider in TAX_FREE_PGS and context.payment.tax_free_left is None
    return unknown and not context.leaves_nothing and context.request.tax_free is None


def vat_unnamed(context: RefundContext) -> bool:
    """Return whether VAT is left and a partial refund does not state its VAT part."""
    return takes_vat(context) and bool(context.payment.vat_left) and effective_vat(context) is None


def tax_free_least(context: RefundContext) -> Decimal:
    """Return the least tax-free part: the amount minus the taxable amount left; 0 if that is unknown."""
    payment = context.payment
    if payment.tax_free_left is None or payment.has_promotion:
        return Decimal(0)
    taxable_left = payment.refundable_amount - payment.tax_free_left
    return max(Decimal(0), context.amount - taxable_left)


def tax_free_negative(context: RefundContext) -> bool:
    return _negative(context.request.tax_free)


def tax_free_too_precise(context: RefundContext) -> bool:
    return _too_precise(context.request.tax_free, context)


def tax_free_above_amount(context: RefundContext) -> bool:
    return (context.request.tax_free or 0) > context.amount


def tax_free_above_left(context: RefundContext) -> bool:
    return _above_left(context.request.tax_free, context.payment.tax_free_left, context)


def tax_free_below_least(context: RefundContext) -> bool:
    given = context.request.tax_free
    return given is not None and given < tax_free_least(context)


def vat_without_partial(context: RefundContext) -> bool:
    """Return whether VAT is given for a full refund at a PG that accepts it only with partial ones."""
    return vat_not_taken(context) and context.payment.pg_provider in VAT_PARTIAL_PGS


def vat_not_taken(context: RefundContext) -> bool:
    return context.request.vat_amount is not None and not takes_vat(context)


def vat_negative(context: RefundContext) -> bool:
    return _negative(context.request.vat_amount)


def vat_too_precise(context: RefundContext) -> bool:
    return _too_precise(context.request.vat_amount, context)


def vat_above_amount(context: RefundContext) -> bool:
    """Return whether the VAT is more than the taxable part of the amount."""
    vat = context.request.vat_amount
    return vat is not None and vat > context.amount - (effective_tax_free(context) or 0)


def vat_above_left(context: RefundContext) -> bool:
    return _above_left(context.request.vat_amount, context.payment.vat_left, context)


def _negative(part: Decimal | None) -> bool:
    return part is not None and part < 0


def _too_precise(part: Decimal | None, context: RefundContext) -> bool:
    return part is not None and not fits_precision(part, context.payment.currency)


def _above_left(part: Decimal | None, left: Decimal | None, context: RefundContext) -> bool:
    return part is not None and left is not None and not context.payment.has_promotion and part > left
