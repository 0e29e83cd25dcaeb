"""Read and change the sandbox's settings, and reset it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from django.db.models import QuerySet

from sandbox.server import quirks, store
from sandbox.server.envelope import FAILED, ApiRefusal
from sandbox.server.models import (
    AccessToken,
    Account,
    CallLog,
    Cancellation,
    Config,
    Customer,
    FaultRule,
    Payment,
    Preparation,
    Quirk,
    Receipt,
    Schedule,
    WebhookDelivery,
)
from sandbox.server.rules import DEFAULT_CONTRACTS

WIPED = (
    Cancellation, Payment, AccessToken, Customer, Preparation, Schedule, Receipt, Account, FaultRule, Quirk, CallLog,
    WebhookDelivery, Config,
)  # fmt: skip
WEBHOOK_FORMATS = {"json", "form"}


def settings_json() -> dict[str, Any]:
    """Return every setting with its current value."""
    config = Config.load()
    values = {name: getattr(config, name) for name in CONVERTERS}
    return {**values, "contracts": {**DEFAULT_CONTRACTS, **config.contracts}}


def change_settings(changes: dict[str, Any]) -> dict[str, Any]:
    """Change the named settings; refuse unknown names and impossible values."""
    with store.write():
        config = copy(Config.load())
        for name, value in changes.items():
            if name not in CONVERTERS:
                raise ApiRefusal(FAILED, f"unknown setting: {name}", 400)
            setattr(config, name, CONVERTERS[name](value))
        config.save()
    Config.forget()
    return settings_json()


def reset() -> None:
    """Delete everything."""
    with store.write():
        for model in WIPED:
            QuerySet(model).delete()
    Config.forget()
    quirks.forget()


def _contracts(value: Any) -> dict[str, bool]:
    unknown = set(value) - set(DEFAULT_CONTRACTS) if isinstance(value, dict) else {"not an object"}
    if unknown:
        raise ApiRefusal(FAILED, f"unknown contracts: {', '.join(sorted(unknown))}", 400)
    return {**Config.load().contracts, **{name: bool(on) for name, on in value.items()}}


def _format(value: Any) -> str:
    if value not in WEBHOOK_FORMATS:
        raise ApiRefusal(FAILED, "webhook_format is json or form", 400)
    return str(value)


def _pgs(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ApiRefusal(FAILED, "a list of pg_providers is expected", 400)
    return [str(pg) for pg in value]


def _seconds_or_none(value: Any) -> int | None:
    return None if value is None else _seconds(value)


def _seconds(value: Any) -> int:
    try:
        seconds = int(value)
    except (TypeError, ValueError):
        raise ApiRefusal(FAILED, f"{value!r} is no whole number of seconds", 400) from None
    if seconds < 0:
        raise ApiRefusal(FAILED, "seconds cannot be negative", 400)
    return seconds


CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "webhook_url": lambda value: str(value or ""),
    "webhook_format": _format,
    "token_life_seconds": _seconds,
    "async_settle_seconds": _seconds_or_none,
    "contracts": _contracts,
    "mixed_mids": _pgs,
    "holder_gone": bool,
    "now": _seconds_or_none,
}
