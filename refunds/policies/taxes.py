"""Tax parts of a refund: the values sent to i'mport, and what must be entered for them.

A payment does not show its tax parts. The shop states them on the payment, PAYCO's balance tells the tax-free part,
and the contract `mixed_tax:PG` says that there may be one. What is left is None if unknown: then nothing is derived
from it. With a promotion the parts are not comparable with the amounts, so they set no limit.
"""

from decimal import Decimal

from core.money import fits_precision
from refunds.policies import pg_facts
from refunds.policies.context import RefundContext

ZERO = Decimal(0)


# --- What is known --------------------------------------------------------------------------------------------------


def tax_free_left(context: RefundContext) -> Decimal | None:
    """Return what is left of the tax-free part; None: unknown."""
    if context.balance is None:
        return _left(context, context.payment.tax_free, "tax_free")
    told = context.balance.tax_free
    is_certain = not context.balance.discounted_tax_free and told <= context.payment.refundable_amount
    return told if is_certain else None


def vat_left(context: RefundContext) -> Decimal | None:
    """Return what is left of the VAT; None: unknown."""
    return _left(context, context.payment.vat_amount, "vat_amount")


def _left(context: RefundContext, stated: Decimal | None, name: str) -> Decimal | None:
    """Return what the earlier refunds have left of a stated part. A refund without this part makes it unknown."""
    if not stated:
        return stated
    counting = [record for record in context.earlier if record.net_amount]
    parts = [getattr(record, name) for record in counting if record.net_amount == record.amount]
    if context.payment.has_promotion or len(parts) < len(counting) or None in parts:
        return None
    left: Decimal = stated - sum(parts, ZERO)
    return left if 0 <= left <= context.payment.refundable_amount else None


def may_include_tax_free(context: RefundContext) -> bool:
    """Return whether tax-free goods may have been paid for: by PAYCO's balance, the payment's part, or the contract."""
    payment, balance = context.payment, context.balance
    if balance is not None:
        return bool(balance.tax_free or balance.discounted_tax_free)
    if payment.tax_free is not None:
        return payment.tax_free > 0
    return is_mixed(context)


def is_mixed(context: RefundContext) -> bool:
    """Return whether the shop's contract with the PG includes tax-free goods."""
    return pg_facts.has_mixed_contract(context.payment, context.contracts)


def tax_free_least(context: RefundContext) -> Decimal:
    """Return the least tax-free part: the amount minus the taxable amount left; 0 if that is unknown."""
    left = tax_free_left(context)
    if left is None or context.payment.has_promotion:
        return ZERO
    return max(ZERO, context.amount - (context.payment.refundable_amount - left))


# --- What the PG takes ----------------------------------------------------------------------------------------------


def takes_tax_free(context: RefundContext) -> bool:
    """Return whether the PG takes a tax-free part with this refund. Some compute it by themselves."""
    payment = context.payment
    pg, method = payment.pg_provider, payment.pay_method
    if pg in pg_facts.NO_TAX_PARTS_PGS or method in pg_facts.NO_TAX_PARTS_METHODS.get(pg, ()):
        return False
    wallets = pg_facts.NO_TAX_PARTS_WALLETS.get(pg, frozenset())
    return not (context.is_partial and not wallets.isdisjoint({method, payment.emb_pg_provider}))


def takes_vat(context: RefundContext) -> bool:
    """Return whether the PG accepts a VAT part with this refund."""
    pg, method = context.payment.pg_provider, context.payment.pay_method
    if pg in pg_facts.FIRST_TAX_PARTS_PGS:
        return method != "phone" and takes_tax_free(context)
    return pg in pg_facts.VAT_PGS or (pg in pg_facts.VAT_PARTIAL_PGS and context.is_partial)


def needs_tax_free(context: RefundContext) -> bool:
    """Return whether the PG books this refund wrongly without its tax-free part."""
    pg = context.payment.pg_provider
    needed = pg in pg_facts.TAX_FREE_PGS or (pg in pg_facts.TAX_FREE_PARTIAL_PGS and context.is_partial)
    return needed and may_include_tax_free(context)


def may_need_tax_free(context: RefundContext) -> bool:
    """Return whether a form has to offer the tax-free part. PAYCO's balance, not read for this, may ask for it."""
    return takes_tax_free(context) and (may_include_tax_free(context) or pg_facts.has_balance(context.payment))


def needs_vat(context: RefundContext) -> bool:
    """Return whether the PG needs the VAT part of this refund, because it was given at payment."""
    needed = context.payment.pg_provider in pg_facts.VAT_PGS | pg_facts.VAT_PARTIAL_PGS
    return needed and takes_vat(context) and context.payment.vat_amount is not None


# --- What is sent ---------------------------------------------------------------------------------------------------


def effective_tax_free(context: RefundContext) -> Decimal | None:
    """Return the tax-free part to send to i'mport: as given, or the only possible value; None = not sent.

    A part of 0 is sent where it must not be missing: at a PG that counts a missing part otherwise, if the shop sells
    tax-free goods there.
    """
    given = context.request.tax_free
    if given is not None or not takes_tax_free(context):
        return given
    part = _only_possible(context)
    if context.payment.pg_provider in pg_facts.TAX_FREE_PGS:
        return part if may_include_tax_free(context) or is_mixed(context) else None
    at_smartro = context.payment.pg_provider in pg_facts.TAX_FREE_PARTIAL_PGS
    return None if at_smartro and not context.is_partial else part or None


def effective_vat(context: RefundContext) -> Decimal | None:
    """Return the VAT part to send to i'mport: as given, or the only possible value; None = not sent."""
    given, left = context.request.vat_amount, vat_left(context)
    if given is not None or not takes_vat(context):
        return given
    return left if context.leaves_nothing or left == 0 else None


def _only_possible(context: RefundContext) -> Decimal | None:
    """Return the tax-free part if no other is possible, such as all of it when the refund leaves nothing."""
    left = tax_free_left(context)
    if left is None or (left and context.payment.has_promotion):
        return None
    most = min(context.amount, left)
    return most if most == tax_free_least(context) else None


# --- The rules ------------------------------------------------------------------------------------------------------


def tax_free_not_taken(context: RefundContext) -> bool:
    return context.request.tax_free is not None and not takes_tax_free(context)


def tax_free_missing(context: RefundContext) -> bool:
    """Return whether the PG needs the tax-free part and the refund neither names nor determines it."""
    return needs_tax_free(context) and effective_tax_free(context) is None


def tax_free_counts_as_zero(context: RefundContext) -> bool:
    """Return whether tax-free goods may be refunded as taxable, because their part is not named."""
    open_part = takes_tax_free(context) and effective_tax_free(context) is None and tax_free_left(context) != 0
    at_other_pg = context.payment.pg_provider not in pg_facts.TAX_FREE_PGS | pg_facts.TAX_FREE_PARTIAL_PGS
    return open_part and at_other_pg and may_include_tax_free(context)


def tax_free_of_discount(context: RefundContext) -> bool:
    """Return whether PAYCO shows a discount with a tax-free part; how it counts is not documented."""
    return context.balance is not None and context.balance.discounted_tax_free > 0


def tax_free_unchecked(context: RefundContext) -> bool:
    """Return whether nobody checks the part: Smartro's virtual accounts without a cash receipt."""
    payment = context.payment
    by_vbank = payment.pg_provider == "smartro_v2" and payment.pay_method == "vbank"
    unchecked = by_vbank and not payment.cash_receipt_issued
    return unchecked and context.is_partial and may_include_tax_free(context)


def tax_parts_of_first_only(context: RefundContext) -> bool:
    """Return whether parts are given that the PG no longer counts."""
    given = context.request.tax_free is not None or context.request.vat_amount is not None
    later = context.payment.cancel_amount > 0
    return given and later and context.payment.pg_provider in pg_facts.FIRST_TAX_PARTS_PGS


def tax_free_negative(context: RefundContext) -> bool:
    return _negative(context.request.tax_free)


def tax_free_too_precise(context: RefundContext) -> bool:
    return _too_precise(context.request.tax_free, context)


def tax_free_above_amount(context: RefundContext) -> bool:
    return (context.request.tax_free or 0) > context.amount


def tax_free_above_left(context: RefundContext) -> bool:
    return _above_left(context.request.tax_free, tax_free_left(context), context)


def tax_free_below_least(context: RefundContext) -> bool:
    given = context.request.tax_free
    return given is not None and given < tax_free_least(context)


def vat_missing(context: RefundContext) -> bool:
    return needs_vat(context) and effective_vat(context) is None


def vat_unnamed(context: RefundContext) -> bool:
    """Return whether VAT may have been given at payment, and the refund does not name its part."""
    may_need = takes_vat(context) and context.payment.vat_amount is None and is_mixed(context)
    return may_need and context.request.vat_amount is None


def vat_without_partial(context: RefundContext) -> bool:
    """Return whether VAT is given for a full refund at a PG that accepts it only with partial ones."""
    return vat_not_taken(context) and context.payment.pg_provider in pg_facts.VAT_PARTIAL_PGS


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
    return _above_left(context.request.vat_amount, vat_left(context), context)


def _negative(part: Decimal | None) -> bool:
    return part is not None and part < 0


def _too_precise(part: Decimal | None, context: RefundContext) -> bool:
    return part is not None and not fits_precision(part, context.payment.currency)


def _above_left(part: Decimal | None, left: Decimal | None, context: RefundContext) -> bool:
    return part is not None and left is not None and not context.payment.has_promotion and part > left
