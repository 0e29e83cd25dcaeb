"""The input of a refund: the request, who makes it, and how its parts are parsed from text and JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from django.contrib.auth.models import User

from access.models import ApiToken
from core.money import AMOUNT_LIMIT, KRW, MAX_DIGITS, precision, read_amount, read_typed_amount
from core.sentences import sentence as _
from payments import limits
from payments.gateway import Requester
from refunds.errors import InvalidRequest
from refunds.models import FrozenReason
from refunds.models.reasons import MAX_CODE_LENGTH

MAX_REASON_LENGTH = 200  # leaves room for the refund number that goes to i'mport behind it
MAX_MERCHANT_UID_LENGTH = limits.MERCHANT_UID
MAX_IMP_UID_LENGTH = limits.IMP_UID

# Control characters, lone surrogates, line separators and bidi overrides.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")

# The sign of a payment in dollars, which pages show: "$10.50", "US$10.50".
_DOLLAR = re.compile(r"^\s*(us[$＄]|[$＄]|usd)|usd\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """One refund as requested. Amounts in major units of the payment's currency.

    `amount` None means all that is left. `refund_bank` is a code or name as typed. `retain_promotion`: the rest keeps
    its discount even if it no longer meets the promotion's conditions. `expected_balance` is the
    refundable amount that the user was shown: if it has changed since, the refund is rejected. `confirmed`: codes of
    the warnings that were read, and the refund is wanted all the same. `reason_code` names a reason of the shop's list;
    `frozen_reason` is that reason, if it was frozen before.
    """

    amount: Decimal | None = None
    reason: str = ""
    reason_code: str = ""
    refund_holder: str = ""
    refund_bank: str = ""
    refund_account: str = ""
    refund_tel: str = ""
    tax_free: Decimal | None = None
    vat_amount: Decimal | None = None
    requester: Requester = "admin"
    expected_balance: Decimal | None = None
    retain_promotion: bool = False
    confirmed: frozenset[str] = frozenset()
    frozen_reason: FrozenReason | None = None

    def __repr__(self) -> str:  # the account must not reach a log or a traceback
        return f"RefundRequest(amount={self.amount}, reason={self.reason!r})"


@dataclass(frozen=True, slots=True)
class Actor:
    """The requester of a refund: a user, or just a name (the command line); and the API token used, if any."""

    name: str
    user: User | None = None
    token: ApiToken | None = None


def parse_amount(value: object, *, field: str = "amount") -> Decimal:
    """Parse an amount from text ("1,000", "12.30") or a JSON number (int or Decimal).

    Raises `InvalidRequest` (`invalid_amount`) for anything else: text that is no plain number, NaN, infinity,
    booleans, lists, more digits than any payment has. Sign and precision are checked by the rules.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise _no_number(field)
    try:
        amount = read_amount(value) if isinstance(value, str) else Decimal(value)
    except (ValueError, InvalidOperation) as exc:
        raise _no_number(field) from exc
    if not amount.is_finite():
        raise _no_number(field)
    if amount.copy_abs() >= AMOUNT_LIMIT:
        raise InvalidRequest("invalid_amount", _("The amount is too large: more than can be refunded."), field=field)
    if _decimals(amount) > MAX_DIGITS:
        raise InvalidRequest("invalid_amount", _("The amount has too many decimals."), field=field)
    return amount


def parse_typed_amount(value: str, *, field: str = "amount", currency: str = "") -> Decimal:
    """Parse an amount as people type it ("₩1,000", "1000원", "1 000", full-width digits) for a payment in `currency`.

    A payment in dollars takes "$10.50" and "US$10.50", as pages show them.
    "4.000" won are refused, and "4.00", since they can mean 4 or 4,000. So is "4.000" while the currency is not known
    (""). Raises `InvalidRequest` (`invalid_amount`).
    """
    try:
        typed, in_won = read_typed_amount(_DOLLAR.sub("", value) if currency == "USD" else value)
    except ValueError as exc:
        raise _no_number(field) from exc
    amount = parse_amount(typed, field=field)
    if in_won and currency not in ("", KRW):
        message = _("The amount is in won, but the order was paid in %(currency)s.") % {"currency": currency}
        raise InvalidRequest("invalid_amount", message, field=field)
    places, currency = _decimals(typed), KRW if in_won else currency
    is_whole = bool(currency) and amount == amount.to_integral_value()  # others are too precise, as the rules say
    if places and (is_whole or places % 3 == 0) and not (currency and precision(currency)):
        message = _("The amount has a decimal point, which can mean thousands. Write 4000 or 4,000, not 4.000.")
        raise InvalidRequest("invalid_amount", message, field=field)
    return amount


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _no_number(field: str) -> InvalidRequest:
    return InvalidRequest("invalid_amount", _("The amount must be a plain number, such as 1000."), field=field)


def parse_text(value: object, *, field: str, max_length: int) -> str:
    """Parse a short text: trimmed, no control characters, at most `max_length` characters.

    Raises `InvalidRequest` (`invalid_text`).
    """
    if not isinstance(value, str):
        raise InvalidRequest("invalid_text", _("“%(field)s” must be text.") % {"field": field}, field=field)
    text = value.strip()
    if len(text) > max_length:
        message = _("“%(field)s” is too long: at most %(max)d characters.") % {
            "field": field,
            "max": max_length,
        }
        raise InvalidRequest("invalid_text", message, field=field)
    if _CONTROL.search(text):
        message = _("“%(field)s” contains invalid characters.") % {"field": field}
        raise InvalidRequest("invalid_text", message, field=field)
    return text


def printable(text: str) -> str:
    """Return the text trimmed and in one line, with a space for each character that some databases refuse."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def parse_uid(value: object, *, field: Literal["imp_uid", "merchant_uid"]) -> str:
    """Parse an order or payment number. Raises `InvalidRequest` (`invalid_uid`) if it cannot be one."""
    max_length = MAX_IMP_UID_LENGTH if field == "imp_uid" else MAX_MERCHANT_UID_LENGTH
    try:
        uid = parse_text(value, field=field, max_length=max_length)
    except InvalidRequest as exc:
        raise InvalidRequest("invalid_uid", exc.message, field=field) from exc
    if not uid:
        raise InvalidRequest("invalid_uid", _("“%(field)s” is empty.") % {"field": field}, field=field)
    return uid


def parse_flag(value: object, *, field: str) -> bool:
    """Parse a JSON boolean. Raises `InvalidRequest` (`invalid_flag`) for anything else."""
    if not isinstance(value, bool):
        message = _("“%(field)s” must be true or false, without quotes.") % {"field": field}
        raise InvalidRequest("invalid_flag", message, field=field)
    return value


MAX_CONFIRMED = 20
_CODE = re.compile(r"[a-z_]{1,40}")


def parse_confirmed(value: object, *, field: str = "confirm") -> frozenset[str]:
    """Parse the codes of warnings to confirm, a list of words. Raises `InvalidRequest` (`invalid_confirm`).

    A code that no warning has confirms nothing.
    """
    if not isinstance(value, list | tuple) or len(value) > MAX_CONFIRMED or not all(map(_is_code, value)):
        message = _("“%(field)s” must be a list of codes of warnings.")
        raise InvalidRequest("invalid_confirm", message % {"field": field}, field=field)
    return frozenset(value)


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


TEXT_LENGTHS = {
    "reason": MAX_REASON_LENGTH,
    "reason_code": MAX_CODE_LENGTH,
    "refund_holder": 50,
    "refund_bank": 50,
    "refund_account": 50,
    "refund_tel": 30,
}


def parse_request(
    texts: Mapping[str, object],
    *,
    requester: Requester,
    amount: Decimal | None = None,
    tax_free: Decimal | None = None,
    vat_amount: Decimal | None = None,
    expected_balance: Decimal | None = None,
    retain_promotion: bool = False,
    confirmed: frozenset[str] = frozenset(),
) -> RefundRequest:
    """Build a request from texts (`reason`, `reason_code`, `refund_*`) as typed or sent, and amounts already parsed.

    Raises `InvalidRequest` (`invalid_text`), naming the field.
    """
    clean = {name: parse_text(text, field=name, max_length=TEXT_LENGTHS[name]) for name, text in texts.items()}
    return RefundRequest(
        amount=amount,
        tax_free=tax_free,
        vat_amount=vat_amount,
        requester=requester,
        expected_balance=expected_balance,
        retain_promotion=retain_promotion,
        confirmed=confirmed,
        frozen_reason=None,
        **clean,
    )
