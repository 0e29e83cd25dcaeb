"""Amounts of money: their precision per currency, and how they are written for people."""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Context, Decimal, localcontext
from functools import lru_cache

from babel import Locale, numbers
from django.utils.translation import get_language

KRW = "KRW"
DECIMAL_PLACES = 3  # as many as the currencies with the most: KWD, BHD, OMR
MAX_DIGITS = 16  # SQLite keeps the first 15 exactly; only thousandths beyond 10^12 have more
AMOUNT_LIMIT = Decimal(10) ** (MAX_DIGITS - DECIMAL_PLACES)  # the columns of amounts hold less

# Unicode's data, which Babel has, leaves out decimals that nobody pays in cash. i'mport's amounts follow ISO 4217.
_ISO_DECIMALS = {
    "IQD": 3,
    **dict.fromkeys(("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"), 2),
}
ANY_NUMBER = Context(prec=400)  # a row written by other means can hold one that 28 digits do not

_AMOUNT_TEXT = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?", re.ASCII)
# A Korean keyboard writes the won sign as a backslash.
_TYPED_AMOUNT = re.compile(
    r"(?P<sign>[+-]?) ?(?P<before>₩|\\|krw|won)? ?"
    r"(?P<number>(\d{1,3}(,\d{3})+|\d{1,3}( \d{3})+|\d+)(\.\d+)?) ?(?P<after>원정?|krw|won)?",
    re.ASCII,
)


@lru_cache  # Babel goes through its list each time
def is_currency(code: str) -> bool:
    """Tell whether `code` is a currency of ISO 4217, in capitals."""
    return numbers.is_currency(code)


@lru_cache
def precision(currency: str) -> int:
    """Return the decimal places of `currency` (ISO 4217): KRW 0, USD 2, KWD 3."""
    return _ISO_DECIMALS.get(currency, numbers.get_currency_precision(currency))


def is_supported(currency: str) -> bool:
    """Tell whether the ledger keeps amounts of `currency` exactly: a known one of at most three decimals."""
    return is_currency(currency) and precision(currency) <= DECIMAL_PLACES


def fits_precision(amount: Decimal, currency: str) -> bool:
    """Tell whether `amount` (finite, major units) has no more decimals than `currency` has."""
    decimals = f"{amount:f}".partition(".")[2].rstrip("0")  # exact: arithmetic would round at 28 digits
    return len(decimals) <= precision(currency)


def quantize(amount: Decimal, currency: str) -> Decimal:
    """Return `amount` with exactly the decimals of `currency` (1000.00 KRW -> 1000)."""
    return amount.quantize(Decimal(1).scaleb(-precision(currency)), context=ANY_NUMBER)


def read_amount(text: str) -> Decimal:
    """Read an amount as people type it: "1,000", "12.30". Raises `ValueError` for anything else."""
    if _AMOUNT_TEXT.fullmatch(text.strip()) is None:
        raise ValueError("not an amount")
    return Decimal(text.strip().replace(",", ""))


def read_typed_amount(text: str) -> tuple[Decimal, bool]:
    """Read an amount as people write it in Korea, and tell whether they wrote that it is in won.

    "₩1,000", "1000원", "1 000", full-width digits. Typed decimals are kept: "4.00" is not 4. Raises `ValueError` for
    anything else, other currencies' signs among it.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    found = _TYPED_AMOUNT.fullmatch(plain)
    if found is None:
        raise ValueError("not an amount")
    number = found["number"].replace(",", "").replace(" ", "")
    return Decimal(found["sign"] + number), bool(found["before"] or found["after"])


class Money(str):
    """An amount as text that keeps the amount: `core.sentences` formats it again in another language."""

    __slots__ = ("amount", "currency")
    amount: Decimal
    currency: str

    def __new__(cls, text: str, amount: Decimal = Decimal(0), currency: str = KRW) -> "Money":
        made = super().__new__(cls, text)
        made.amount, made.currency = amount, currency
        return made


def format_money(amount: Decimal, currency: str) -> Money:
    """Format `amount` for people in the active language: "₩10,000", "US$12.30"."""
    locale = _active_locale()
    pattern = None
    if currency in _ISO_DECIMALS:
        standard = locale.currency_formats["standard"].pattern
        pattern = standard.replace("0.00", f"0.{'0' * precision(currency)}")
    with localcontext(ANY_NUMBER):
        text = numbers.format_currency(amount, currency, pattern, locale, currency_digits=pattern is None)
    return Money(text, amount, currency)


def currency_symbol(currency: str) -> str:
    """Return the sign of `currency` in the active language: "₩", "US$"."""
    return numbers.get_currency_symbol(currency, _active_locale())


def _active_locale() -> Locale:
    return _locale((get_language() or "ko").replace("-", "_"))


@lru_cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)


def format_totals(amounts: Iterable[tuple[Decimal, str]]) -> list[str]:
    """Add up amounts with their currencies, and format the sum of each currency, in the order of their codes."""
    sums: dict[str, Decimal] = {}
    for amount, currency in amounts:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return [format_money(total, currency) for currency, total in sorted(sums.items())]
