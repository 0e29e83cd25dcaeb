"""Calls and answers as they travel: JSON in both directions, amounts as exact decimals."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from payments.gateway.iamport.text import prose

MESSAGE_LIMIT = 500


class Unreadable(ValueError):
    """An answer without the shape that i'mport documents; the text says what is wrong, not the payload."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Parameters and body can hold account numbers, so the repr leaves them out."""

    method: Literal["GET", "POST"]
    path: str
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: Mapping[str, object] | None = field(default=None, repr=False)
    moves_money: bool = False  # such a call is never sent twice, and without an answer its outcome is unknown
    reads_payment: bool = False  # such a call gets a 404 when there is no such payment


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP, complete to the last byte."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Envelope:
    """i'mport's `{code, message, response}`. `code` is None when the body was nothing of the kind."""

    status: int
    code: int | None
    message: str = ""
    response: Any = field(default=None, repr=False)


def encode(value: object) -> str:
    """JSON text in which a Decimal is a number with exactly its own digits (a float would not be exact)."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{encode(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("an amount must be a finite number")
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return json.dumps(value, allow_nan=False)


def decode(answer: Answer) -> Envelope:
    """Open the envelope; anything that is not one gives `code=None` and never raises."""
    try:
        document = json.loads(answer.body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return Envelope(answer.status, None)
    code = document.get("code") if isinstance(document, dict) else None
    if not isinstance(code, int) or isinstance(code, bool):
        return Envelope(answer.status, None)
    said = document.get("message")
    message = prose(said)[:MESSAGE_LIMIT] if isinstance(said, str) else ""
    return Envelope(answer.status, code, message, document.get("response"))


def _refuse_constant(name: str) -> object:
    raise Unreadable(f"{name} is not JSON")
