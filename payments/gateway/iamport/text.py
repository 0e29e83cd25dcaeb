"""i'mport's texts as ours."""

import re
from collections.abc import Mapping

_BREAK = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # controls, and what turns the text around


def text(value: object) -> str:
    """Any scalar as text that a database takes: no NUL, no lone surrogate. None and containers are empty."""
    if value is None or isinstance(value, Mapping | list):
        return ""
    return str(value).replace("\x00", "").encode("utf-8", "ignore").decode().strip()


def prose(value: object) -> str:
    """Text for people, on one line and without letters that nobody sees. Not for numbers that i'mport is asked by."""
    return _UNSEEN.sub("", _BREAK.sub(" ", text(value))).strip()
