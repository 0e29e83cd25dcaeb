"""How the processes log: to their standard error, for whoever runs them to collect.

Only what is named here gets out of the process, and no value can begin a line of its own.
"""

import logging
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pythonjsonlogger.json import JsonFormatter

LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
FORMATS = frozenset({"json", "line"})

# As the admin shows it, so that a line is found by the time that a refund's timeline says.
_ZONE = ZoneInfo("Asia/Seoul")
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception", "stack_info": "stack"}
_FIELDS = ("asctime", "levelname", "name", "message", "request_id", "process")
# Beside these, what the line of a request says of it. Libraries attach whole requests and tasks: those stay out.
_MORE = frozenset({"exception", "stack", "method", "route", "status", "ms", "user_id", "token_id", "address"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What PostgreSQL says beyond its first line: the whole row that it refused, or the statement with its values. It may
# hold line breaks of its own, so it goes up to the next part of a traceback. `repr` writes those as a backslash and n.
_ROW = re.compile(
    r"(?:\n|\\+n)(?:DETAIL|HINT|CONTEXT|QUERY|LINE \d+):"
    r".*?(?=\nTraceback \(most|\n+The above exception was|\n+During handling of the above|\Z)",
    re.DOTALL,
)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, _ZONE).isoformat(timespec="milliseconds")


class JsonLines(JsonFormatter):
    """One JSON object per line."""

    def __init__(self) -> None:
        super().__init__(_FIELDS, rename_fields=_NAMES, json_ensure_ascii=False)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return _time(record)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        known = _MORE.union(_NAMES.get(name, name) for name in _FIELDS)
        return {
            name: _without_row(value) if isinstance(value, str) else value
            for name, value in log_data.items()
            if name in known and value not in (None, "")
        }

    def serialize_log_record(self, log_data: dict[str, Any]) -> str:
        # JSON allows these in its text, but some readers of lines take them for ends of lines.
        return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", super().serialize_log_record(log_data))


class Lines(logging.Formatter):
    """Lines for people; whatever a message or a traceback holds, only its first line begins one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(process)d %(request_id)s] %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return _time(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.request_id = getattr(record, "request_id", "") or "-"
        return _CONTROL.sub(_escaped, super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = _without_row(super().format(record)).split("\n")
        return "\n".join([first, *(f"    {_CONTROL.sub(_escaped, line)}" for line in rest)])


def _without_row(text: str) -> str:
    return _ROW.sub("", text)


def _escaped(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]


def settings(*, level: str, form: str) -> dict[str, Any]:
    """Django's LOGGING, which gunicorn and Celery take over. `form`: json or line."""
    own = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "monitoring.log_filters.Context"}},
        "formatters": {"json": {"()": "config.logs.JsonLines"}, "line": {"()": "config.logs.Lines"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form, "filters": ["context"]}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Its debug lines and warnings show addresses, which name customers' orders and accounts.
            "urllib3": {"level": "ERROR"},
            # Tells every step of every sign-in otherwise.
            "axes": {"level": "WARNING"},
            # They bring handlers of their own, which would write every line twice, or in another form.
            "django": own,
            "gunicorn.error": own,
            # It writes paths, which name customers' orders; `monitoring.access` has the line of each request.
            "gunicorn.access": {"handlers": [], "propagate": False},
            # What was asked for and refused has its line already, with the route in the place of the path.
            "django.request": {"level": "ERROR"},
            "django.server": {**own, "level": "ERROR"},
            # Every request's id is in its own line.
            "django_guid": {"level": "ERROR"},
        },
    }
