"""Parse JSON bodies strictly: bounded, no NaN, no key that is repeated or half a character, fractions as `Decimal`."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MAX_BODY_BYTES = 64 * 1024


class TooLarge(APIException):
    """The body is above MAX_BODY_BYTES."""

    status_code = 413
    default_code = "too_large"


class JSONParser(BaseParser):
    """Parse a JSON object. Raises `TooLarge` above 64 KiB, and `ParseError` for anything else."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge
        try:
            data = json.loads(
                body.decode("utf-8-sig"),
                parse_float=Decimal,
                parse_constant=_refuse_constant,
                object_pairs_hook=_once_each,
            )
        except (ValueError, ArithmeticError, RecursionError) as exc:
            raise ParseError(_("The request is not valid JSON."), code="invalid_json") from exc
        if not isinstance(data, dict):
            raise ParseError(_("The request must be a JSON object."), code="invalid_json")
        return data


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a repeated key: of two amounts, another program on the way may read the other one.

    And one with a lone surrogate, which no answer can quote. Raises `ValueError`.
    """
    document = dict(pairs)
    "".join(document).encode()
    if len(document) < len(pairs):
        raise ValueError("repeated key")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
