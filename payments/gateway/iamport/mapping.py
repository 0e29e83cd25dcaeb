"""Convert i'mport's JSON to our values: strict for money, tolerant elsewhere."""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.conf import settings

from core.money import AMOUNT_LIMIT, DECIMAL_PLACES, KRW, is_supported, precision
from payments import limits
from payments.gateway.base import Balance, Cancellation, GatewayPayment
from payments.gateway.iamport.text import prose, text
from payments.gateway.iamport.wire import Unreadable

logger = logging.getLogger(__name__)

_CURRENCY = re.compile(r"[A-Z]{3}")
_WEB_ADDRESS = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)

_IDENTIFIERS = (
    *("pay_method", "pg_provider", "emb_pg_provider", "pg_tid", "pg_id"),
    *("vbank_code", "bank_code", "card_code"),
)
_PROSE = (
    *("fail_reason", "cancel_reason", "name", "buyer_name", "buyer_email", "buyer_tel"),
    *("vbank_name", "vbank_num", "vbank_holder", "bank_name", "card_name", "card_number"),
)
_TIMES_BEFORE = int(limits.TIMES_BEFORE.timestamp())
_TIMES = ("paid_at", "cancelled_at", "failed_at", "vbank_date")


def payment_from(raw: object) -> GatewayPayment:
    """Convert one payment, fitted to what our columns hold (`payments.limits`).

    Raises `Unreadable` for a number, currency or amount that is missing, invalid or too long: these must be exact.
    """
    if not isinstance(raw, Mapping):
        raise Unreadable("a payment is not an object")
    optional: dict[str, Any] = {name: text(raw.get(name))[: limits.TEXTS[name]] for name in _IDENTIFIERS}
    optional |= {name: prose(raw.get(name))[: limits.TEXTS[name]] for name in _PROSE}
    optional |= {name: from_unix(raw.get(name)) for name in _TIMES}
    currency = _currency(raw)
    places = precision(currency) if is_supported(currency) else DECIMAL_PLACES
    return GatewayPayment(
        imp_uid=_imp_uid(raw),
        merchant_uid=_number(raw, "merchant_uid", limits.MERCHANT_UID),
        status=_status(raw),
        amount=_order_amount(raw, places),
        cancel_amount=_amount(raw, "cancel_amount", places),
        currency=currency,
        cancel_history=_history(raw.get("cancel_history"), places),
        escrow=flag(raw.get("escrow")),
        card_type=_card_type(raw.get("card_type")),
        receipt_url=web_address(raw.get("receipt_url")),
        sandbox=flag(raw.get("sandbox")),
        cash_receipt_issued=flag(raw.get("cash_receipt_issued")),
        **_promotion(raw.get("promotion"), places),
        **optional,
    )


class Listed(NamedTuple):
    """The payments of a list, and the numbers of those that cannot be read."""

    payments: tuple[GatewayPayment, ...]
    unreadable: tuple[str, ...]


def payments_from(raw: object) -> Listed:
    """Convert the payments of a list. Log one that cannot be read, and go on: it must hide no other."""
    if not isinstance(raw, list):
        raise Unreadable("a list of payments is not a list")
    payments, unreadable = [], []
    for item in raw:
        try:
            payments.append(payment_from(item))
        except Unreadable as exc:
            unreadable.append((text(item.get("imp_uid")) if isinstance(item, Mapping) else "")[:40] or "?")
            logger.warning("Left out payment %r of a list: %s", unreadable[-1], exc)
    return Listed(tuple(payments), tuple(unreadable))


def balance_from(raw: object) -> Balance:
    """Convert a balance. Its `amount` is the first total and `cash_receipt` repeats the parts: not needed."""
    if not isinstance(raw, Mapping):
        raise Unreadable("a balance is not an object")
    if not isinstance(raw.get("primary"), Mapping):
        raise Unreadable("a balance has no parts")
    return Balance(
        tax_free=_tax_free(raw, "primary") + _tax_free(raw, "secondary"),
        discounted_tax_free=_tax_free(raw, "discount"),
    )


def _amount(raw: Mapping[str, Any], name: str, places: int) -> Decimal:
    """Return a required amount, finite and not negative, rounded to `places` decimals.

    i'mport adds up in binary floating point, so 0.1 + 0.2 comes as 0.30000000000000004.
    """
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise Unreadable(f"{name} is not an amount")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise Unreadable(f"{name} is not an amount") from None
    if not number.is_finite() or not 0 <= number < AMOUNT_LIMIT:
        raise Unreadable(f"{name} is not a possible amount")
    rounded = number.quantize(Decimal(1).scaleb(-places))
    if rounded == AMOUNT_LIMIT:
        raise Unreadable(f"{name} is not a possible amount")
    return rounded.copy_abs()  # -0 is 0


def from_unix(value: object) -> datetime | None:
    """Return UNIX seconds as an aware time; 0, null and anything that is no possible time is None."""
    try:
        seconds = Decimal(value) if isinstance(value, int | str | Decimal) else Decimal(0)
        possible = 0 < seconds < _TIMES_BEFORE
    except InvalidOperation:
        return None
    return datetime.fromtimestamp(int(seconds), tz=UTC) if possible else None


def web_address(value: object) -> str:
    """Return an address that is safe to link to: http or https, and whole; anything else is ""."""
    address = prose(value)
    fits = len(address) <= limits.URL and _WEB_ADDRESS.fullmatch(address) is not None
    return address if fits else ""


def flag(value: object) -> bool:
    """Return True for true, 1 and their spellings."""
    return text(value).lower() in {"true", "1", "y"}


def _imp_uid(raw: Mapping[str, Any]) -> str:
    if not isinstance(raw.get("imp_uid"), str) or not (number := _number(raw, "imp_uid", limits.IMP_UID)):
        raise Unreadable("imp_uid is missing")
    return number


def _number(raw: Mapping[str, Any], name: str, limit: int) -> str:
    """Return a number that names something: cut, it would name something else."""
    number = text(raw.get(name))
    if len(number) > limit:
        raise Unreadable(f"{name} is longer than {limit} characters")
    return number


def _currency(raw: Mapping[str, Any]) -> str:
    currency = text(raw.get("currency")).upper() or KRW
    if _CURRENCY.fullmatch(currency) is None:
        raise Unreadable("currency is not a code of three letters")
    return currency


def _status(raw: Mapping[str, Any]) -> str:
    """Return the status, whatever the word: i'mport may add some, and the amounts tell what happened to the money."""
    return prose(raw.get("status")).lower()[: limits.STATUS] or "unknown"


def _history(raw: object, places: int) -> tuple[Cancellation, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise Unreadable("cancel_history is not a list")
    # A cancel of nothing but the promotion moved no money: there is nothing to book.
    return tuple(item for item in (_cancellation(item, places) for item in raw) if item.amount)


def _cancellation(raw: object, places: int) -> Cancellation:
    if not isinstance(raw, Mapping):
        raise Unreadable("an item of cancel_history is not an object")
    return Cancellation(
        amount=_amount(raw, "amount", places),
        cancelled_at=from_unix(raw.get("cancelled_at")),
        cancellation_id=text(raw.get("cancellation_id"))[: limits.CANCELLATION_ID],
        pg_tid=text(raw.get("pg_tid"))[: limits.TEXTS["pg_tid"]],
        reason=prose(raw.get("reason"))[: limits.CANCEL_REASON],
        receipt_url=web_address(raw.get("receipt_url")),
    )


def _order_amount(raw: Mapping[str, Any], places: int) -> Decimal:
    """Return a payment's amount, always before a promotion's discount, as `amount` and `checksum` of a cancel are.

    i'mport does not document how its payments show it; IAMPORT_AMOUNT_AFTER_DISCOUNT says what the shop has found.
    """
    shown = _amount(raw, "amount", places)
    if not settings.IAMPORT_AMOUNT_AFTER_DISCOUNT:
        return shown
    discount: Decimal = _promotion(raw.get("promotion"), places)["promotion_discount"]
    return shown + discount


def _promotion(raw: object, places: int) -> dict[str, Any]:
    """Return what i'mport says of a promotion. A discount that cannot be read is not worth losing the payment."""
    promotion = raw if isinstance(raw, Mapping) else {}
    name = text(promotion.get("id"))[: limits.TEXTS["promotion_id"]]
    try:
        discount = _amount(promotion, "discount", places)
    except Unreadable:
        discount = Decimal(0)
    return {"has_promotion": bool(name or discount), "promotion_id": name, "promotion_discount": discount}


def _card_type(raw: object) -> int | None:
    return {"0": 0, "1": 1}.get(text(raw)) if not isinstance(raw, bool) else None


def _tax_free(balance: Mapping[str, Any], name: str) -> Decimal:
    """Return the tax-free part of one means of payment; 0 if it was not used."""
    part = balance.get(name)
    if part is None:
        return Decimal(0)
    if not isinstance(part, Mapping):
        raise Unreadable(f"{name} is not an object")
    # A balance names no currency.
    return _amount(part, "tax_free", DECIMAL_PLACES) if part.get("tax_free") is not None else Decimal(0)
