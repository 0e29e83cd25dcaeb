"""Standard output and error of commands, which must never end a run: the money has moved by then."""

import os
import sys
from pathlib import Path
from typing import Any, TextIO


class SafeStream:
    """A text stream that keeps its first error instead of raising it: the money has moved by then.

    Each text is flushed, so that a full disk or a closed pipe shows at once; `instead` gets what it does not take.
    """

    def __init__(self, stream: TextIO, *, instead: "SafeStream | None" = None) -> None:
        self._stream = stream
        self._instead = instead
        self.error = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as exc:  # ValueError: it is closed
            self._keep(exc)
            if self._instead:
                self._instead.write(text)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError) as exc:
            self._keep(exc)

    def _keep(self, exc: Exception) -> None:
        self.error = self.error or getattr(exc, "strerror", None) or str(exc)


def open_streams() -> None:
    """Let standard output and error take every character, and stand in for one that is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
        stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, stream)


def drop_unwritten() -> None:
    """Send what standard output and error did not take to nowhere: at its exit Python would fail on it again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
