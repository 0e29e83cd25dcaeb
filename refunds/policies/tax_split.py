"""Split a refund for the books: supply amount, VAT and tax-free part."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from core.money import KRW
from payments.models import Payment
from refunds.models import RefundRecord
from refunds.policies.pg_facts import has_mixed_contract

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class TaxSplit:
    """The parts of a refunded amount, and whether they were stated with it or computed."""

    supply: Decimal | None = None
    vat: Decimal | None = None
    tax_free: Decimal | None = None
    basis: Literal["", "stated", "computed"] = ""


def split_of(refund: RefundRecord, contracts: frozenset[str]) -> TaxSplit:
    """Return the parts of what was refunded in won; an empty split if they are not known.

    Without a stated VAT a PG takes 1/11 of the taxable amount. Nothing is computed where a tax-free part is possible
    but was not stated, where the payment's VAT is not 1/11, or where a refund with parts became another amount.
    """
    payment, amount = refund.payment, refund.net_amount
    if payment.currency != KRW or not amount or payment.has_promotion or not _is_known(refund, contracts):
        return TaxSplit()
    tax_free = refund.tax_free or ZERO
    vat = _vat_in(amount - tax_free) if refund.vat_amount is None else refund.vat_amount
    return TaxSplit(amount - tax_free - vat, vat, tax_free, "computed" if refund.vat_amount is None else "stated")


def _is_known(refund: RefundRecord, contracts: frozenset[str]) -> bool:
    """Return whether the parts follow from the amount, the stated parts and the payment."""
    payment = refund.payment
    has_parts = refund.tax_free is not None or refund.vat_amount is not None
    if has_parts and refund.net_amount != refund.amount:
        return False
    if refund.tax_free is None and _may_include_tax_free(payment, contracts):
        return False
    if refund.vat_amount is not None or payment.vat_amount is None:
        return True
    usual = _vat_in(payment.amount - (payment.tax_free or ZERO))
    return abs(payment.vat_amount - usual) <= 1  # shops round up or down


def _may_include_tax_free(payment: Payment, contracts: frozenset[str]) -> bool:
    return has_mixed_contract(payment, contracts) if payment.tax_free is None else payment.tax_free > 0


def _vat_in(taxable: Decimal) -> Decimal:
    return (taxable / 11).quantize(Decimal(1), ROUND_HALF_UP)
