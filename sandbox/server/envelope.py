"""The {code, message, response} envelope, exact numbers included."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpResponse

REFUSED_BY_IAMPORT = 1
REFUSED_BY_PG = -1
FAILED = -1

# json cannot write Decimals: a fraction is written as marked text, then unquoted.
_MARK = "\ufdd0"
_MARKED = re.compile(f'"{_MARK}(-?[0-9.]+)"')


@dataclass(frozen=True)
class Answer:
    """The answer of an endpoint."""

    response: Any = None
    code: int = 0
    message: str | None = None
    http_status: int = 200


class ApiRefusal(Exception):
    """Answer the call with this code and message instead of a result."""

    def __init__(self, code: int, message: str, http_status: int = 200) -> None:
        super().__init__(message)
        self.answer = Answer(code=code, message=message, http_status=http_status)


def dumps(value: Any, indent: int | None = None) -> str:
    """Write JSON text with Decimals as exact JSON numbers."""
    text = json.dumps(value, default=_number, ensure_ascii=False, indent=indent)
    return _MARKED.sub(r"\1", text) if _MARK in text else text


def json_response(value: Any, status: int = 200) -> HttpResponse:
    """Build a UTF-8 JSON response with its length, so that the connection can stay open."""
    body = dumps(value).encode()
    response = HttpResponse(body, status=status, content_type="application/json; charset=utf-8")
    response["Content-Length"] = str(len(body))
    return response


def envelope(answer: Answer) -> HttpResponse:
    """Build the response in i'mport's envelope."""
    body = {"code": answer.code, "message": answer.message, "response": answer.response}
    return json_response(body, answer.http_status)


def _number(value: Any) -> int | str:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} has no JSON form here")
    if value == value.to_integral_value():
        return int(value)
    return f"{_MARK}{value.normalize():f}"
