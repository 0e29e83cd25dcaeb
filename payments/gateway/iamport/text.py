"""Strip control and bidi characters and lone surrogates from i'mport's texts."""

import re
from collections.abc import Mapping

_BREAK = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # control characters and bidi overrides


def text(value: object) -> str:
    """Return a scalar as text that a database accepts: no NUL, no lone surrogate. None and containers give ""."""
    if value is None or isinstance(value, Mapping | list):
        return ""
    return str(value).replace("\x00", "").encode("utf-8", "ignore").decode().strip()


def prose(value: object) -> str:
    """Return text for people: one line, no invisible characters. Not for numbers that are sent back to i'mport."""
    return _UNSEEN.sub("", _BREAK.sub(" ", text(value))).strip()
