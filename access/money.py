"""The limits of tokens as money. (`core.money` does the same for payments, which this package does not know.)"""

from decimal import Decimal

from babel import numbers
from django.utils.translation import get_language


def is_currency(code: str) -> bool:
    """Whether this is a currency of ISO 4217, in capitals."""
    return numbers.is_currency(code)


def fits_precision(amount: Decimal, currency: str) -> bool:
    """Whether `amount` (finite, major units) has no more decimals than `currency` has."""
    decimals = f"{amount:f}".partition(".")[2].rstrip("0")
    return len(decimals) <= numbers.get_currency_precision(currency)


def format_money(amount: Decimal, currency: str) -> str:
    """`amount` for people, in the active language."""
    return numbers.format_currency(amount, currency, locale=(get_language() or "ko").replace("-", "_"))
