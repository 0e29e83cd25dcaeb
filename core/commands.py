"""The base of management commands: exit codes, one JSON document, and results that are never lost."""

import json
import logging
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import FrameType
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _
from rest_framework.utils.encoders import JSONEncoder

from core.database.outage import describe_outage, ensure_writable, is_outage
from core.streams import SafeStream

logger = logging.getLogger(__name__)

DONE, SOME_FAILED, USAGE = 0, 1, 2
INTERRUPTED, UNEXPECTED = "interrupted", "unexpected_error"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Encoder(JSONEncoder):
    """Write values as the REST API does, and a decimal as its exact text."""

    def default(self, obj: Any) -> Any:
        return str(obj) if isinstance(obj, Decimal) else super().default(obj)


class JsonCommand(BaseCommand):
    """A command with the exit codes 0 all done, 1 some failed or open, 2 usage or configuration.

    No output error ends it; output that is lost is reported, and makes an exit code of 0 a 1. A database that is down
    or read-only is configuration: one line, and nothing is begun.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. What standard output does not take goes to standard error."""
        err = SafeStream(options.pop("stderr", None) or sys.stderr)
        out = SafeStream(options.pop("stdout", None) or sys.stdout, instead=err)
        self.stdout, self.stderr = OutputWrapper(cast(TextIO, out)), OutputWrapper(cast(TextIO, err))
        self.stderr.style_func = self.style.ERROR
        try:
            output = self._execute(*args, **options)
        finally:
            if out.error:
                self.stderr.write(_("Standard output could not be written: %(error)s") % {"error": out.error})
        if out.error or err.error:
            raise SystemExit(SOME_FAILED)
        return output

    def _execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command, unless the database cannot be used."""
        try:
            ensure_writable()
            return super().execute(*args, **options)
        except DatabaseError as exc:
            if not is_outage(exc):
                raise
            as_json = options.get("json", False)
            raise self.usage_error(describe_outage(exc), code="database_unavailable", as_json=as_json) from exc

    def usage_error(self, message: str, *, code: str, as_json: bool, **more: Any) -> CommandError:
        """Return the error to raise for wrong usage; with --json, also write it as the document, with `more`."""
        if as_json:
            self.write_json({"ok": False, "code": code, "message": message, **more, "results": []})
        return CommandError(message, returncode=USAGE)

    def write_json(self, document: dict[str, Any]) -> None:
        """Write the document in the form of the REST API, times included."""
        text = json.dumps(document, ensure_ascii=False, indent=2, cls=_Encoder)
        try:
            text.encode(getattr(self.stdout, "encoding", None) or "utf-8")
        except UnicodeEncodeError:  # what the stream would write instead of a letter is no JSON
            text = json.dumps(document, indent=2, cls=_Encoder)
        self.stdout.write(text)


def until_broken_off(results: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the results. If the work breaks off, a last result says so, and the ones before it are not lost."""
    try:
        yield from results
    except KeyboardInterrupt:
        yield failure("*", INTERRUPTED, _("Interrupted. Run the command again to finish."))
    except Exception as exc:  # noqa: BLE001 - logged below
        log_broken_off("the command", exc)
        yield failure("*", UNEXPECTED, _("Something went wrong (see the log). Run the command again to finish."))


def log_broken_off(what: str, exc: BaseException) -> None:
    """Log why work broke off; where it did so is of no use if the database or the operator ended it."""
    ended = isinstance(exc, DatabaseError | KeyboardInterrupt)
    logger.error("%s broke off: %r", what, exc, exc_info=None if ended else exc)


def failure(order: str, code: str, message: str) -> dict[str, Any]:
    """Return the result of an order for which nothing was done, or of all orders ("*")."""
    return {"order": order, "ok": False, "code": code, "message": message}


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Let the first Ctrl-C (or SIGTERM, SIGHUP) only set the event, so that work under way is finished first."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # Python handles signals there only
        yield stopped
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}  # as nohup has it

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()
        _restore(before)

    for number in before:
        signal.signal(number, stop)
    try:
        yield stopped
    finally:
        _restore(before)


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
