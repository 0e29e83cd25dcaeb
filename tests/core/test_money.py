"""The decimals of each currency, and amounts written for people."""

from decimal import Decimal

import pytest
from django.utils.translation import override

from core.money import fits_precision, format_money, is_supported, precision, quantize


@pytest.mark.parametrize(
    ("currency", "places"),
    [
        *[(code, 0) for code in ("KRW", "JPY", "VND", "CLP", "ISK", "UGX", "XAF")],
        *[(code, 2) for code in ("USD", "EUR", "TWD", "HUF", "IDR", "RSD", "LBP", "MMK")],
        *[(code, 3) for code in ("KWD", "BHD", "OMR", "JOD", "TND", "LYD", "IQD")],
    ],
)
def test_each_currency_has_the_decimals_of_iso_4217(currency: str, places: int) -> None:
    assert precision(currency) == places
    assert fits_precision(Decimal(1).scaleb(-places), currency)
    assert not fits_precision(Decimal(1).scaleb(-places - 1), currency)
    assert is_supported(currency)


@pytest.mark.parametrize("currency", ["CLF", "UYW", "BTC", "ABC", "", "krw"])
def test_a_currency_that_the_ledger_cannot_keep_exactly_is_not_supported(currency: str) -> None:
    assert not is_supported(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1.234", "KWD", "KWD1.234"),
        ("0.005", "BHD", "BHD0.005"),
        ("1000.25", "IQD", "IQD1,000.250"),
        ("100.5", "RSD", "RSD100.50"),
        ("1200", "JPY", "JP¥1,200"),
        ("12.3", "USD", "US$12.30"),
        ("1e30", "KRW", "₩1" + ",000" * 10),
    ],
)
def test_amounts_are_written_with_all_decimals_of_their_currency(amount: str, currency: str, text: str) -> None:
    with override("ko"):
        assert format_money(quantize(Decimal(amount), currency), currency) == text
