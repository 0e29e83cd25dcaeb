"""Tax parts of a refund: what goes to i'mport, and the bounds that follow from what is left.

`tax_free_left` and `vat_left` are None when they are not known: then nothing is derived from them. With a
promotion they are not in the same terms as the amounts, so they bound nothing.
"""

from decimal import Decimal

from core.money import fits_precision
from refunds.policies.context import RefundContext
from refunds.policies.pg_facts import TAX_FREE_PGS, VAT_PARTIAL_PGS, VAT_PGS


def effective_tax_free(context: RefundContext) -> Decimal | None:
    """The tax-free part that goes to i'mport: as given, or what it can only be; None = not sent.

    It can only be what is left of it when nothing remains, and everything when all that is left is tax-free.
    """
    given, left = context.request.tax_free, context.payment.tax_free_left
    if given is not None or context.payment.pg_provider not in TAX_FREE_PGS or not left:
        return given
    if context.leaves_nothing:
        return left
    return context.amount if is_entirely_tax_free(context) else None


def effective_vat(context: RefundContext) -> Decimal | None:
    """The VAT part that goes to i'mport: as given, or all of it when nothing remains; None = not sent."""
    given, left = context.request.vat_amount, context.payment.vat_left
    if given is not None or not takes_vat(context) or not left:
        return given
    return left if context.leaves_nothing else None


def takes_vat(context: RefundContext) -> bool:
    """Whether this refund may name its VAT (API description)."""
    return context.payment.pg_provider in VAT_PGS or (
        context.payment.pg_provider in VAT_PARTIAL_PGS and context.is_partial
    )


def is_entirely_tax_free(context: RefundContext) -> bool:
    """Whether all that is left is tax-free."""
    left, payment = context.payment.tax_free_left, context.payment
    return left is not None and not payment.has_promotion and left >= payment.refundable_amount


def tax_free_missing(context: RefundContext) -> bool:
    """Whether a mixed payment is refunded in part and nobody said which part of it is tax-free."""
    payment = context.payment
    mixed = payment.pg_provider in TAX_FREE_PGS and bool(payment.tax_free_left)
    return mixed and effective_tax_free(context) is None


def tax_free_unknown(context: RefundContext) -> bool:
    """Whether the PG may want the tax-free part of a partial refund, and neither we nor the asker know it."""
    unknown = context.payment.pg_provider in TAX_FREE_PGS and context.payment.tax_free_left is None
    return unknown and not context.leaves_nothing and context.request.tax_free is None


def vat_unnamed(context: RefundContext) -> bool:
    """Whether VAT is left, and a partial refund does not say how much of it goes back."""
    return takes_vat(context) and bool(context.payment.vat_left) and effective_vat(context) is None


def tax_free_least(context: RefundContext) -> Decimal:
    """What of the amount must be tax-free because no more taxable money is left; 0 if that is not known."""
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
    """Whether VAT is given for a whole refund at a PG that takes it with partial ones."""
    return vat_not_taken(context) and context.payment.pg_provider in VAT_PARTIAL_PGS


def vat_not_taken(context: RefundContext) -> bool:
    return context.request.vat_amount is not None and not takes_vat(context)


def vat_negative(context: RefundContext) -> bool:
    return _negative(context.request.vat_amount)


def vat_too_precise(context: RefundContext) -> bool:
    return _too_precise(context.request.vat_amount, context)


def vat_above_amount(context: RefundContext) -> bool:
    """Whether the VAT is more than the taxable part of the amount."""
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
