"""Read and change the sandbox's settings, and reset it."""

from __future__ import annotations

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
    WebhookDelivery,
)
from sandbox.server.rules import DEFAULT_CONTRACTS

WIPED = (
    Cancellation, Payment, AccessToken, Customer, Preparation, Account, FaultRule, Quirk, CallLog,
    WebhookDelivery, Config,
)  # fmt: skip
WEBHOOK_FORMATS = {"json", "form"}


def settings_json() -> dict[str, Any]:
    """Return every setting with its current value."""
    config = Config.load()
    return {
        "webhook_url": config.webhook_url,
        "webhook_format": config.webhook_format,
        "token_life_seconds": config.token_life_seconds,
        "async_settle_seconds": config.async_settle_seconds,
        "contracts": {**DEFAULT_CONTRACTS, **config.contracts},
        "now": config.now,
    }


def change_settings(changes: dict[str, Any]) -> dict[str, Any]:
    """Change the named settings; refuse unknown names and impossible values."""
    with store.write():
        config = copy(Config.load())
        for name, value in changes.items():
            _change(config, name, value)
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


def _change(config: Config, name: str, value: Any) -> None:
    if name == "contracts":
        _change_contracts(config, value)
    elif name == "webhook_url":
        config.webhook_url = str(value or "")
    elif name == "webhook_format":
        if value not in WEBHOOK_FORMATS:
            raise ApiRefusal(FAILED, "webhook_format is json or form", 400)
        config.webhook_format = value
    elif name == "token_life_seconds":
        config.token_life_seconds = _seconds(name, value)
    elif name in {"async_settle_seconds", "now"}:
        setattr(config, name, None if value is None else _seconds(name, value))
    else:
        raise ApiRefusal(FAILED, f"unknown setting: {name}", 400)


def _change_contracts(config: Config, value: Any) -> None:
    unknown = set(value) - set(DEFAULT_CONTRACTS) if isinstance(value, dict) else {"not an object"}
    if unknown:
        raise ApiRefusal(FAILED, f"unknown contracts: {', '.join(sorted(unknown))}", 400)
    config.contracts = {**config.contracts, **{name: bool(on) for name, on in value.items()}}


def _seconds(name: str, value: Any) -> int:
    try:
        seconds = int(value)
    except (TypeError, ValueError):
        raise ApiRefusal(FAILED, f"{name} is a whole number of seconds", 400) from None
    if seconds < 0:
        raise ApiRefusal(FAILED, f"{name} cannot be negative", 400)
    return seconds
