"""i'mport's texts as ours."""

from collections.abc import Mapping


def text(value: object) -> str:
    """Any scalar as text that a database takes: no NUL, no lone surrogate. None and containers are empty."""
    if value is None or isinstance(value, Mapping | list):
        return ""
    return str(value).replace("\x00", "").encode("utf-8", "ignore").decode().strip()
