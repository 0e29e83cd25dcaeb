"""The rules of `policies.tax_split` and `policies.merchant_fee` in SQL: a month's refunds are added up where they are.

Both give the same amounts: `tests/refunds/statements/test_months.py` compares them.
"""

from decimal import Decimal
from typing import Any

from django.db.models import Case, ExpressionWrapper, F, Func, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Abs, Coalesce
from django.db.models.lookups import LessThanOrEqual

from core.fields import AmountField
from core.money import KRW
from refunds.policies.pg_facts import MIXED_TAX_CONTRACT

_ZERO = Value(Decimal(0), AmountField())


class _Vat(Func):
    """The VAT in a taxable amount: 1/11, rounded. An eleventh of whole won is never half a won."""

    template = "ROUND((%(expressions)s) / 11.0)"
    output_field = AmountField()


def _amount(expression: Any) -> Any:
    return ExpressionWrapper(expression, output_field=AmountField())


def fee_of_refund(vbank_fee: Decimal) -> Case:
    """Return the merchant's fee for a refund, in KRW."""
    return Case(When(payment__pay_method="vbank", then=Value(vbank_fee)), default=_ZERO, output_field=AmountField())


def parts_of_refund(contracts: frozenset[str]) -> tuple[Combinable, Combinable]:
    """Return VAT and tax-free part of what a refund gave back, before any reversal; null where they are not known."""
    tax_free = Coalesce(F("tax_free"), _ZERO)
    vat = Coalesce(F("vat_amount"), _Vat(_amount(F("cancelled_amount") - tax_free)))
    is_known = _is_known(contracts)
    amounts = AmountField(null=True)
    return (
        Case(When(is_known, then=vat), default=None, output_field=amounts),
        Case(When(is_known, then=tax_free), default=None, output_field=amounts),
    )


def _is_known(contracts: frozenset[str]) -> Q:
    """Return whether the parts follow from the amount, the stated parts and the payment."""
    mixed = [name.partition(":")[2] for name in contracts if name.startswith(f"{MIXED_TAX_CONTRACT}:")]
    has_no_parts = Q(tax_free=None, vat_amount=None)
    not_tax_free = Q(payment__tax_free=None) & ~Q(payment__pg_provider__in=mixed) | Q(payment__tax_free=0)
    taxable = _amount(F("payment__amount") - Coalesce(F("payment__tax_free"), _ZERO))
    is_usual = Q(_at_most_one(F("payment__vat_amount") - _Vat(taxable)))
    return (
        Q(payment__currency=KRW, payment__has_promotion=False)
        & (has_no_parts | Q(cancelled_amount=F("amount")))
        & (Q(tax_free__isnull=False) | not_tax_free)
        & (Q(vat_amount__isnull=False) | Q(payment__vat_amount=None) | is_usual)
    )


def _at_most_one(difference: Any) -> Any:
    """Return whether it is at most one won: shops round up or down."""
    return LessThanOrEqual(Abs(_amount(difference)), Value(Decimal(1), AmountField()))
