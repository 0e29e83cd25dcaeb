"""Validate the refund account as entered and convert it for i'mport."""

import re
from dataclasses import dataclass

from payments.banks import Bank, resolve_bank, wire_code
from refunds.policies.context import RefundContext
from refunds.policies.pg_facts import needs_account, needs_tel, takes_tel

ACCOUNT_FIELDS = ("refund_holder", "refund_bank", "refund_account")

_SEPARATORS = re.compile(r"[\s\-.()\u2010-\u2015\u2212]")  # spaces, brackets, dots, hyphens and dashes
_ACCOUNT = re.compile(r"\d{6,20}", re.ASCII)
_FULL_WIDTH = ord("０") - ord("0")
_TEL = re.compile(r"0\d{8,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class WireAccount:
    """The refund account in i'mport's format; empty if this refund needs none.

    `bank` is the PG's bank code, `standard_bank` the 3-digit code that we store; `account` and `tel` are digits.
    """

    holder: str = ""
    bank: str = ""
    account: str = ""
    tel: str = ""
    standard_bank: str = ""

    def __repr__(self) -> str:  # the account must not reach a log or a traceback
        return "WireAccount()"


def account_needed(context: RefundContext) -> bool:
    return needs_account(context.payment, context.now, context.contracts)


def missing_account_field(context: RefundContext) -> str:
    """Return the name of the first required account field that is empty, or ""."""
    if not account_needed(context):
        return ""
    return next((name for name in ACCOUNT_FIELDS if not getattr(context.request, name).strip()), "")


def account_missing(context: RefundContext) -> bool:
    return missing_account_field(context) != ""


def tel_missing(context: RefundContext) -> bool:
    return needs_tel(context.payment) and not context.request.refund_tel.strip()


def bank_unknown(context: RefundContext) -> bool:
    typed = account_needed(context) and context.request.refund_bank.strip()
    return bool(typed) and _bank(context) is None


def bank_not_listed(context: RefundContext) -> bool:
    """Return whether the bank is known but the PG cannot pay into it."""
    bank = _bank(context) if account_needed(context) else None
    return bank is not None and wire_code(bank, context.payment.pg_provider) is None


def account_invalid(context: RefundContext) -> bool:
    typed = context.request.refund_account.strip()
    return account_needed(context) and typed != "" and not is_account(_digits(typed))


def account_is_virtual(context: RefundContext) -> bool:
    """Return whether this is the virtual account that was paid into, at its bank or at one that is not known."""
    payment, typed = context.payment, _digits(context.request.refund_account)
    if not account_needed(context) or not typed or typed != _digits(payment.vbank_num):
        return False
    paid_into = resolve_bank(payment.vbank_code or payment.vbank_name, payment.pg_provider)
    bank = _bank(context)
    return paid_into is None or bank is None or paid_into == bank


def account_in_reason(context: RefundContext) -> bool:
    """Return whether the reason, which i'mport, buyers and programs read, has the account number or a known one."""
    numbers = (account_digits(context.request.refund_account), *context.known_accounts)
    return any(is_account(number) and written(number).search(context.request.reason) for number in numbers)


def is_account(digits: str) -> bool:
    """Return whether an account can have this number."""
    return _ACCOUNT.fullmatch(digits) is not None


def account_digits(text: str) -> str:
    """Return the digits of an account number as typed."""
    return "".join(character for character in text if character.isascii() and character.isdecimal())


def written(number: str) -> re.Pattern[str]:
    """Return a pattern of these digits as people write an account number: with separators, in full width."""
    return re.compile(r"[\W_]{0,3}".join(f"[{digit}{chr(ord(digit) + _FULL_WIDTH)}]" for digit in number))


def tel_invalid(context: RefundContext) -> bool:
    typed = context.request.refund_tel.strip()
    return needs_tel(context.payment) and typed != "" and not _TEL.fullmatch(_national(typed))


def wire_account(context: RefundContext) -> WireAccount:
    """Return the account of a refund that passed `check`, with only the fields that this refund needs."""
    request, payment = context.request, context.payment
    tel = _national(request.refund_tel) if takes_tel(payment) else ""
    tel = tel if _TEL.fullmatch(tel) else ""
    if not account_needed(context):
        return WireAccount(tel=tel)
    bank = _bank(context)
    return WireAccount(
        holder=request.refund_holder.strip(),
        bank=(wire_code(bank, payment.pg_provider) or "") if bank else "",
        account=_digits(request.refund_account),
        tel=tel,
        standard_bank=bank.code if bank else "",
    )


def _bank(context: RefundContext) -> Bank | None:
    text = context.request.refund_bank.strip()
    return resolve_bank(text, context.payment.pg_provider) if text else None


def _digits(text: str) -> str:
    return _SEPARATORS.sub("", text)


def _national(tel: str) -> str:
    """Strip the separators of a telephone number and write +82 as a leading 0."""
    return re.sub(r"^\+820?", "0", _digits(tel))
