"""Log configuration: all processes log to standard error.

Only the fields listed here are written, and no value can start a new log line.
"""

import logging
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pythonjsonlogger.json import JsonFormatter

LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
FORMATS = frozenset({"json", "line"})

# The admin's time zone, so that times in the log match those in a refund's timeline.
_ZONE = ZoneInfo("Asia/Seoul")
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception", "stack_info": "stack"}
_FIELDS = ("asctime", "levelname", "name", "message", "request_id", "process")
# The additional fields of a request's line. Libraries attach whole requests and tasks: those are left out.
_MORE = frozenset({"exception", "stack", "method", "route", "status", "ms", "user_id", "token_id", "address"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, _ZONE).isoformat(timespec="milliseconds")


class JsonLines(JsonFormatter):
    """Format a record as one JSON object per line."""

    def __init__(self) -> None:
        super().__init__(_FIELDS, rename_fields=_NAMES, json_ensure_ascii=False)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return _time(record)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        known = _MORE.union(_NAMES.get(name, name) for name in _FIELDS)
        return {name: value for name, value in log_data.items() if name in known and value not in (None, "")}

    def serialize_log_record(self, log_data: dict[str, Any]) -> str:
        # JSON allows these characters, but some line readers treat them as line ends.
        return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", super().serialize_log_record(log_data))


class Lines(logging.Formatter):
    """Format a record for people. Further lines of a message or traceback are indented, so none looks like a record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(process)d %(request_id)s] %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return _time(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.request_id = getattr(record, "request_id", "") or "-"
        return _CONTROL.sub(_escaped, super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = super().format(record).split("\n")
        return "\n".join([first, *(f"    {_CONTROL.sub(_escaped, line)}" for line in rest)])


def _escaped(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]


def settings(*, level: str, form: str) -> dict[str, Any]:
    """Return Django's LOGGING, which gunicorn and Celery use too. `form` is `json` or `line`."""
    own = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "monitoring.log_filters.Context"}},
        "formatters": {"json": {"()": "config.logs.JsonLines"}, "line": {"()": "config.logs.Lines"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form, "filters": ["context"]}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Its debug lines and warnings show URLs, which contain order and account numbers.
            "urllib3": {"level": "ERROR"},
            # Below WARNING it logs every step of every sign-in.
            "axes": {"level": "WARNING"},
            # Their own handlers would write every line twice or in another format.
            "django": own,
            "gunicorn.error": own,
            # It logs paths, which contain order numbers; `monitoring.access` logs each request instead.
            "gunicorn.access": {"handlers": [], "propagate": False},
            # `monitoring.access` already logs rejected requests, with the route instead of the path.
            "django.request": {"level": "ERROR"},
            "django.server": {**own, "level": "ERROR"},
            # Every log line already has its request id.
            "django_guid": {"level": "ERROR"},
        },
    }
