"""Calls and answers as JSON, with amounts as exact decimals."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from payments.gateway.iamport.text import prose

MESSAGE_LIMIT = 500
_INT_DIGITS = 18  # Python refuses to read integers of thousands of digits
# As in the metrics.
Endpoint = Literal["token", "cancel", "listing", "order", "payments", "payment", "balance", "account_holder"]


class Unreadable(ValueError):
    """An answer that differs from i'mport's documentation. The text says how, without the payload."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. The repr leaves out parameters and body, which can hold account numbers."""

    endpoint: Endpoint
    method: Literal["GET", "POST"]
    path: str
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: Mapping[str, object] | None = field(default=None, repr=False)
    is_brief: bool = False  # nobody waits long for it: it has short time-outs, and so has its token

    @property
    def moves_money(self) -> bool:
        """Never sent twice; without an answer its outcome is unknown."""
        return self.endpoint == "cancel"

    @property
    def reads_payment(self) -> bool:
        """Answered with 404 if there is no such payment."""
        return self.endpoint in ("payment", "payments", "order", "balance")

    def finds_none(self, status: int) -> bool:
        """Return whether i'mport says with this HTTP status that there is nothing of the kind."""
        if self.endpoint == "listing":  # 400: a page beyond the last one
            return status in (400, 404)
        return status == 404 and self.reads_payment


@dataclass(frozen=True, slots=True)
class Envelope:
    """i'mport's `{code, message, response}`. `code` is None if the body has another form."""

    status: int
    code: int | None
    message: str = ""
    response: Any = field(default=None, repr=False)


def encode(value: object) -> str:
    """Return JSON text. A Decimal becomes a number with exactly its digits; a float would not be exact."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{encode(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("an amount must be a finite number")
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return json.dumps(value, allow_nan=False)


def decode(status: int, body: bytes) -> Envelope:
    """Parse the envelope. Never raises: any other body gives `code=None`."""
    try:
        document = json.loads(body, parse_float=_number, parse_int=_number, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return Envelope(status, None)
    code = document.get("code") if isinstance(document, dict) else None
    if not isinstance(code, int) or isinstance(code, bool):
        return Envelope(status, None)
    said = document.get("message")
    message = prose(said)[:MESSAGE_LIMIT] if isinstance(said, str) else ""
    return Envelope(status, code, message, document.get("response"))


def _number(text: str) -> int | Decimal | None:
    """Read a number exactly. One that no Decimal can hold is null: it makes its payment unreadable, not the answer."""
    if len(text) <= _INT_DIGITS and text.lstrip("-").isdigit():
        return int(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _no_number(name: str) -> None:
    """Read NaN and Infinity, which are not JSON, as null."""
