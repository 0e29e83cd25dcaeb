"""Typed readers of environment variables. A malformed value raises `ImproperlyConfigured` with one line of advice.

An empty value counts as not set, so a copied `.env.example` with blanks changes nothing.
"""

import os
import re
from collections.abc import Callable, Collection
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv
from environs import Env, EnvError

_env = Env()
T = TypeVar("T")

# MySQL and Oracle have no partial unique index, which enforces "one live refund per payment".
POSTGRES_SCHEMES = frozenset({"postgres", "postgresql"})

_RATE = re.compile(r"([1-9][0-9]{0,8})/(s|min|h|day)", re.ASCII)
_RATE_SECONDS = {"s": 1, "min": 60, "h": 3600, "day": 86_400}


def read_dotenv(path: Path) -> None:
    """Load `path` without overriding variables that are already set; DJANGO_READ_DOTENV=0 skips it."""
    if flag("DJANGO_READ_DOTENV", default=True):
        load_dotenv(path, override=False)


def is_set(name: str) -> bool:
    return bool(os.environ.get(name, "").strip())


def text(name: str, default: str) -> str:
    return _env.str(name).strip() if is_set(name) else default


def required_text(name: str, advice: str) -> str:
    if not is_set(name):
        raise ImproperlyConfigured(f"{name} is not set: {advice}")
    return text(name, "")


def flag(name: str, default: bool) -> bool:
    return _parsed(name, _env.bool, "use true or false") if is_set(name) else default


def choice(name: str, default: str, allowed: Collection[str]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise _malformed(name, value, f"use one of {', '.join(sorted(allowed))}")
    return value


def names(name: str, default: Collection[str] = ()) -> list[str]:
    """Read a comma-separated list; blanks around names and empty names are dropped."""
    if not is_set(name):
        return list(default)
    return [item.strip() for item in text(name, "").split(",") if item.strip()]


def required_names(name: str, advice: str) -> list[str]:
    required_text(name, advice)
    return names(name)


def positive_seconds(name: str, default: float) -> float:
    value = _parsed(name, _env.float, "use a number of seconds") if is_set(name) else default
    if not 0 < value < float("inf"):
        raise _malformed(name, value, "use a number of seconds greater than 0")
    return value


def seconds(name: str, default: float) -> float:
    value = _parsed(name, _env.float, "use a number of seconds") if is_set(name) else default
    if not 0 <= value < float("inf"):
        raise _malformed(name, value, "use 0 or a greater number of seconds")
    return value


def count(name: str, default: int) -> int:
    value = _parsed(name, _env.int, "use a whole number") if is_set(name) else default
    if value < 0:
        raise _malformed(name, value, "use 0 or a greater whole number")
    return value


def positive_count(name: str, default: int) -> int:
    value = count(name, default)
    if value < 1:
        raise _malformed(name, value, "use a whole number greater than 0")
    return value


def amount(name: str, default: Decimal) -> Decimal:
    value = _parsed(name, _env.decimal, "use an amount such as 300") if is_set(name) else default
    if not value.is_finite() or value < 0:
        raise _malformed(name, value, "use 0 or a greater amount")
    return value


def rate(name: str, default: str) -> tuple[int, int] | None:
    """Read a rate as (number, seconds): `600/min` is (600, 60). Return None for 0, which means no limit."""
    value = text(name, default)
    if value == "0":
        return None
    found = _RATE.fullmatch(value)
    if found is None:
        raise _malformed(name, value, "use a number per s, min, h or day such as 600/min, or 0 for no limit")
    return int(found[1]), _RATE_SECONDS[found[2]]


def http_url(name: str, default: str) -> str:
    """Read a base URL and strip its trailing slash, so that paths can be appended."""
    value = text(name, default)
    if not _is_http_url(value):
        raise ImproperlyConfigured(f"{name} is malformed: use an http:// or https:// address with a host")
    return value.rstrip("/")


def database(name: str, default: str, project_dir: Path) -> dict[str, Any]:
    """Read a postgres:// or sqlite:// URL as Django's database dict. No error shows the URL: it holds a password."""
    url = text(name, default)
    scheme = url.partition(":")[0].lower()
    if scheme == "sqlite":
        return _sqlite(name, url, project_dir)
    if scheme in POSTGRES_SCHEMES:
        return _postgres(name, url)
    raise ImproperlyConfigured(
        f"{name} has an unknown scheme: use postgres://user:password@host:5432/name or sqlite:///file"
    )


def _sqlite(name: str, url: str, project_dir: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = dict(_parsed_url(name, url))
    if parsed["NAME"] != ":memory:":
        parsed["NAME"] = str(project_dir / parsed["NAME"])
    parsed["OPTIONS"] = {
        # Takes the write lock at BEGIN: two transactions that read first and then write would deadlock.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: a refund reserved before the call to i'mport must survive a power failure.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    return parsed


def _postgres(name: str, url: str) -> dict[str, Any]:
    parsed: dict[str, Any] = dict(_parsed_url(name, url, conn_max_age=60, conn_health_checks=True))
    if not parsed["NAME"]:
        raise ImproperlyConfigured(f"{name} has no database name: append /name")
    # Report an unreachable server in seconds, not after the kernel's two minutes.
    parsed["OPTIONS"] = {"connect_timeout": 10, **parsed.get("OPTIONS", {})}
    return parsed


def _parsed_url(name: str, url: str, **options: Any) -> dict[str, Any]:
    try:
        return dict(dj_database_url.parse(url, **options))
    except ValueError:
        advice = "quote special characters of the password as %XX and give the port as a number"
        raise ImproperlyConfigured(f"{name} is malformed: {advice}") from None


def _parsed(name: str, reader: Callable[[str], T], advice: str) -> T:
    try:
        return reader(name)
    except EnvError:
        raise _malformed(name, os.environ[name], advice) from None


def _is_http_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        # Reading the port validates it.
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _malformed(name: str, value: object, advice: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}={value} is malformed: {advice}")
