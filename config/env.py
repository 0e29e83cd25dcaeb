"""Typed readers of environment variables. A malformed value raises `ImproperlyConfigured` with one line of advice.

An empty value counts as not set, so a copied `.env.example` with blanks changes nothing.
"""

import os
import sys
from collections.abc import Callable, Collection
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv
from environs import Env, EnvError, validate

_env = Env()
T = TypeVar("T")

# MySQL and Oracle have no partial unique index, which enforces "one live refund per payment".
POSTGRES_SCHEMES = frozenset({"postgres", "postgresql"})

# How long PostgreSQL may be silent: until it is connected (seconds), until it acknowledges what we sent (milliseconds),
# and while nothing is sent (seconds). The kernel's own limits are minutes to hours.
_CONNECTION = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_LIMITS = {"statement_timeout": 15_000, "lock_timeout": 10_000}  # milliseconds, as PostgreSQL has them

_NOT_NEGATIVE = validate.Range(min=0, max=sys.maxsize)
_HTTP_URL = validate.URL(schemes={"http", "https"}, require_tld=False)
_POSITIVE = validate.Range(min=0, min_inclusive=False, max=sys.maxsize)


def read_dotenv(path: Path) -> None:
    """Load `path`, if it is there, but override no variable that is set; DJANGO_READ_DOTENV=0 skips it."""
    if not flag("DJANGO_READ_DOTENV", default=True) or not path.exists() or path.is_dir():
        return
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise ImproperlyConfigured(f"{path} cannot be read: {exc.strerror}") from None
    except UnicodeDecodeError as exc:
        raise ImproperlyConfigured(_not_utf8(path, exc.object[: exc.start])) from None
    if "\0" in text:  # UTF-16 without a mark
        raise ImproperlyConfigured(_not_utf8(path, text.partition("\0")[0].encode()))
    load_dotenv(stream=StringIO(text), override=False)


def _not_utf8(path: Path, before: bytes) -> str:
    line = before.count(b"\n") + 1
    return f"{path} is not UTF-8 (line {line}): save it with the encoding UTF-8"


def is_set(name: str) -> bool:
    return bool(os.environ.get(name, "").strip())


def text(name: str, default: str) -> str:
    return os.environ[name].strip() if is_set(name) else default


def required_text(name: str, advice: str) -> str:
    if not is_set(name):
        raise ImproperlyConfigured(f"{name} is not set: {advice}")
    return text(name, "")


def flag(name: str, default: bool) -> bool:
    return _read(_env.bool, name, default, "true or false")


def choice(name: str, default: str, allowed: Collection[str]) -> str:
    return _read(_env.str, name, default, f"one of {', '.join(sorted(allowed))}", validate.OneOf(allowed))


def names(name: str, default: Collection[str] = ()) -> list[str]:
    """Read a comma-separated list; blanks around names and empty names are dropped."""
    if not is_set(name):
        return list(default)
    return [item.strip() for item in text(name, "").split(",") if item.strip()]


def required_names(name: str, advice: str) -> list[str]:
    required_text(name, advice)
    return names(name)


def positive_seconds(name: str, default: float) -> float:
    return _read(_env.float, name, default, "a number of seconds greater than 0", _POSITIVE)


def seconds(name: str, default: float) -> float:
    return _read(_env.float, name, default, "0 or a greater number of seconds", _NOT_NEGATIVE)


def count(name: str, default: int) -> int:
    return _read(_env.int, name, default, "0 or a greater whole number", _NOT_NEGATIVE)


def positive_count(name: str, default: int) -> int:
    return _read(_env.int, name, default, "a whole number greater than 0", _POSITIVE)


def amount(name: str, default: Decimal) -> Decimal:
    return _read(_env.decimal, name, default, "0 or a greater amount, such as 300", _NOT_NEGATIVE)


def rate(name: str, default: str) -> str | None:
    """Read a rate such as `600/min`. Return None for 0, which means no limit."""
    advice = "a number per s, min, h or day such as 600/min, or 0 for no limit"
    value = _read(_env.str, name, default, advice, validate.Regexp(r"0\Z|[1-9][0-9]{0,8}/(s|min|h|day)\Z"))
    return None if value == "0" else value


def http_url(name: str, default: str) -> str:
    """Read a base URL and strip its trailing slash, so that paths can be appended."""
    return _read(_env.str, name, default, "an http:// or https:// address with a host", _HTTP_URL).rstrip("/")


def database(name: str, default: str, project_dir: Path) -> dict[str, Any]:
    """Read a postgres:// or sqlite:// URL as Django's database dict. No error shows the URL: it holds a password."""
    url = text(name, default)
    scheme = url.partition(":")[0].lower()
    if scheme not in {"sqlite", *POSTGRES_SCHEMES}:
        advice = "use postgres://user:password@host:5432/name or sqlite:///file"
        raise ImproperlyConfigured(f"{name} has an unknown scheme: {advice}")
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError:
        advice = "quote special characters of the password as %XX and give the port as a number"
        raise ImproperlyConfigured(f"{name} is malformed: {advice}") from None
    if scheme == "sqlite":
        return _sqlite(parsed, project_dir)
    if not parsed["NAME"]:
        raise ImproperlyConfigured(f"{name} has no database name: append /name")
    return parsed | _postgres(name, parsed.get("OPTIONS", {}))


def _postgres(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a PostgreSQL connection; `given` are the parameters of the URL, which take precedence."""
    options = {**_CONNECTION, **given}
    options.pop("disable_server_side_cursors", None)  # it is always so
    try:
        limits = {limit: int(options.pop(limit, default)) for limit, default in _LIMITS.items()}
        options["connect_timeout"] = int(options["connect_timeout"])
    except ValueError:
        wanted = ", ".join((*_LIMITS, "connect_timeout"))
        raise ImproperlyConfigured(f"{name} is malformed: {wanted} are whole numbers") from None
    return {
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # Their rows come in several transactions, which pgbouncer gives to different servers.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": options,
        "LIMITS": limits,  # read by core.database.time_limits
    }


def _sqlite(parsed: dict[str, Any], project_dir: Path) -> dict[str, Any]:
    path = parsed["NAME"]
    options = {
        # Takes the write lock at BEGIN: two transactions that read first and then write would deadlock.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: a refund reserved before the call to i'mport must survive a power failure.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    name = path if path == ":memory:" else str(project_dir / path)
    # Kept open: the last connection that closes deletes the WAL's index, and a full disk has no place for a new one.
    return parsed | {"NAME": name, "CONN_MAX_AGE": None, "OPTIONS": options}


def _read(reader: Callable[..., T], name: str, default: T, advice: str, *checks: Callable[[T], Any]) -> T:
    """Read a variable with a reader of environs. Raises `ImproperlyConfigured` with the advice."""
    if not is_set(name):
        return default
    try:
        return reader(name, validate=checks)
    except EnvError:
        raise ImproperlyConfigured(f"{name}={os.environ[name]} is malformed: use {advice}") from None
