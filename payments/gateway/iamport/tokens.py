"""The access token: asked for once per life, shared by every thread and process on this machine."""

import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from payments.gateway.errors import GatewayUnavailable

logger = logging.getLogger(__name__)

# Renewed this early, so that a token does not expire on its way. It has to stay under a minute: asked
# earlier, i'mport hands out the same token with no more life, and every call would ask again.
RENEW_BEFORE = 30.0


@dataclass(frozen=True, slots=True)
class Token:
    """`life` comes from i'mport's two times alone; `obtained_at` is only compared with our own clock."""

    value: str = field(repr=False)
    obtained_at: float  # UNIX seconds, this machine's clock, before the token was asked for
    life: float  # seconds

    def is_fresh(self, now: float) -> bool:
        """False when nearly expired, and when the clock was set back (its age is then not known)."""
        return 0 <= now - self.obtained_at < self.life - min(RENEW_BEFORE, self.life / 2)


class TokenCache:
    """Keeps one token in memory and in a file. `fetch` asks i'mport for a token."""

    def __init__(self, path: Path, fetch: Callable[[], Token], *, lock_timeout: float) -> None:
        self._file = _TokenFile(path, lock_timeout)
        self._fetch = fetch
        self._memory: Token | None = None
        self._failure: tuple[float, GatewayUnavailable] | None = None
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def get(self, rejected: Token | None = None) -> Token:
        """A token that is fresh and is not `rejected`, the one i'mport has just refused.

        Raises `GatewayUnavailable`. Threads that waited for a renewal which failed get that failure, instead
        of queueing up to fail one by one.
        """
        if (token := self._usable(self._memory, rejected)) is not None:
            return token
        arrived = time.monotonic()
        with self._own_lock():
            if (token := self._usable(self._memory, rejected)) is not None:
                return token
            if self._failure is not None and self._failure[0] >= arrived:
                raise type(self._failure[1])(self._failure[1].message)
            try:
                self._memory = self._shared_or_new(rejected)
            except GatewayUnavailable as exc:
                self._failure = (time.monotonic(), exc)
                raise
            self._failure = None
            return self._memory

    def failure(self) -> tuple[float, GatewayUnavailable] | None:
        """How many seconds ago the last token that was asked for did not come, and why; None since one came."""
        failed = self._failure
        return None if failed is None else (time.monotonic() - failed[0], failed[1])

    def renew(self) -> Token:
        """A token other than the one in use. Raises `GatewayUnavailable`."""
        return self.get(rejected=self._memory)

    def _shared_or_new(self, rejected: Token | None) -> Token:
        with self._file.exclusive():
            if (token := self._usable(self._file.read(), rejected)) is not None:
                return token
            token = self._fetch()
            self._file.write(token)
            return token

    @staticmethod
    def _usable(token: Token | None, rejected: Token | None) -> Token | None:
        # Compared whole, not by value: asked again, i'mport may hand out the same token as good as new.
        return token if token is not None and token != rejected and token.is_fresh(time.time()) else None

    def _own_lock(self) -> threading.Lock:
        # In a forked child, a thread that held the lock in the parent never releases it.
        if self._pid != os.getpid():
            self._lock = threading.Lock()
            self._pid = os.getpid()
        return self._lock


class _TokenFile:
    """The token's file, readable by this user only. A failure here only costs a call, so none is raised."""

    def __init__(self, path: Path, lock_timeout: float) -> None:
        self._path = path
        self._lock_timeout = lock_timeout
        self._warned = False

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock shared by all processes, or go on without it if that cannot be had."""
        lock = self._acquired()
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    def read(self) -> Token | None:
        """The stored token; None if there is none or the file is damaged."""
        try:
            stored = json.loads(self._path.read_bytes())
            token = Token(stored["value"], float(stored["obtained_at"]), float(stored["life"]))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return token if is_header_safe(token.value) else None

    def write(self, token: Token) -> None:
        """Replace the file in one step, so that no reader ever sees half of it."""
        text = json.dumps({"value": token.value, "obtained_at": token.obtained_at, "life": token.life})
        temporary: Path | None = None
        try:
            descriptor, name = tempfile.mkstemp(prefix=self._path.stem, dir=self._path.parent)  # mode 0600
            temporary = Path(name)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(text)
            temporary.replace(self._path)
        except OSError as exc:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
            self._warn(exc)

    def _acquired(self) -> FileLock | None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(
                self._path.with_suffix(".lock"),
                timeout=self._lock_timeout,
                mode=0o600,
                poll_interval=0.02,
                fallback_to_soft=False,  # a soft lock outlives a killed process
            )
            lock.acquire()
        except Timeout:
            logger.warning("Another process has been renewing i'mport's token for long; asking for it ourselves")
            return None
        except (OSError, NotImplementedError) as exc:
            self._warn(exc)
            return None
        return lock

    def _warn(self, exc: Exception) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "i'mport's token cannot be shared between processes (%s in VAR_DIR); each keeps its own",
                type(exc).__name__,
            )


def is_header_safe(value: object) -> bool:
    """Whether `value` is a token that can travel in an HTTP header."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and value.strip() == value != ""
