"""Read request parameters from JSON, a form or a query string."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, QueryDict

from sandbox.server.envelope import FAILED, REFUSED_BY_IAMPORT, ApiRefusal

TRUE_WORDS = {"true", "1", "yes", "y", "on"}


class Params:
    """Typed parameters; a blank value counts as missing, a malformed one refuses the call."""

    def __init__(self, values: Mapping[str, Any], tier: str = "") -> None:
        self.values = dict(values)
        self.tier = tier  # the sub-merchant, of the header Tier

    def text(self, name: str) -> str:
        """Return the value as trimmed text, or an empty string."""
        value = self.values.get(name)
        return "" if value is None else str(value).strip()

    def amount(self, name: str) -> Decimal | None:
        """Return an amount, or None when missing."""
        text = self.text(name)
        if not text:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            raise ApiRefusal(REFUSED_BY_IAMPORT, f"{name} 값이 숫자가 아닙니다.") from None
        if not value.is_finite() or value < 0:
            raise ApiRefusal(REFUSED_BY_IAMPORT, f"{name} 값이 올바르지 않습니다.")
        return value

    def integer(self, name: str, default: int) -> int:
        """Return a whole number, or the default when missing."""
        text = self.text(name)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise ApiRefusal(REFUSED_BY_IAMPORT, f"{name} 값이 정수가 아닙니다.") from None

    def flag(self, name: str) -> bool:
        """Return True for true, 1, yes and the like."""
        return self.text(name).lower() in TRUE_WORDS

    def items(self, name: str) -> list[str]:
        """Return a list given as name[], name or a JSON list."""
        for key in (f"{name}[]", name):
            value = self.values.get(key)
            if value is not None:
                return [str(item) for item in (value if isinstance(value, list) else [value])]
        return []

    def objects(self, name: str) -> list[dict[str, Any]]:
        """Return a list of objects, given as JSON or as form fields such as `name[0][key]`."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [item for item in value if isinstance(item, dict)]
        found: dict[str, dict[str, Any]] = {}
        for key, text in self.values.items():
            if match := re.fullmatch(rf"{name}\[(\d+)\]\[(\w+)\]", key):
                found.setdefault(match[1], {})[match[2]] = text
        return [found[index] for index in sorted(found, key=int)]

    def nested(self, name: str, key: str) -> str:
        """Return `name.key` of a JSON object, or the form field `name[key]`."""
        value = self.values.get(name)
        if isinstance(value, dict):
            return str(value.get(key) or "")
        return self.text(f"{name}[{key}]")


def read_params(request: HttpRequest) -> Params:
    """Read query string and body together; the body takes precedence."""
    values, tier = _from_query(request.GET), request.headers.get("Tier", "").strip()
    if not request.body:
        return Params(values, tier)
    if request.content_type == "application/json":
        values.update(_from_json(request.body))
    elif request.method == "POST":
        values.update(_from_query(request.POST))
    else:
        values.update(_from_query(QueryDict(request.body)))
    return Params(values, tier)


def load_json(body: bytes) -> Any:
    """Read JSON with exact numbers; refuse anything else."""
    try:
        return json.loads(body, parse_float=Decimal)
    except ValueError:
        raise ApiRefusal(FAILED, "요청 본문이 올바른 JSON이 아닙니다.", 400) from None


def _from_json(body: bytes) -> dict[str, Any]:
    loaded = load_json(body)
    if not isinstance(loaded, dict):
        raise ApiRefusal(FAILED, "요청 본문이 JSON 객체가 아닙니다.", 400)
    return loaded


def _from_query(query: QueryDict) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in query:
        found = query.getlist(name)
        values[name] = found if name.endswith("[]") or len(found) > 1 else found[0]
    return values
