"""A cache in files that can be counted with: Django's own one loses counts between processes, and trips over junk.

Each value is a file of JSON whose time of change says when the value ends. Whatever is wrong with the folder is an
`OSError`; a file that cannot be read is a missing value.
"""

import json
import os
import tempfile
import time
from contextlib import suppress
from hashlib import md5
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from filelock import FileLock

_MISSING = object()
_SUFFIX = ".json"
_NEVER = 2.0**33  # the year 2242; file systems know few later ones
# Held for a moment only, and let go by the system if its process dies: waiting longer means a very busy machine.
_LOCK_SECONDS, _LOCK_POLL_SECONDS = 5, 0.002
# Half-written files of killed processes look old; younger ones may still be at work.
_STALE_SECONDS = 60
_CULL_AT = "00"  # how the name of a new file begins that makes room first: one of 256


class FileCache(BaseCache):
    """Django's cache API. Values are what JSON can say. Nothing is unpickled, so a planted file runs no code."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._folder = Path(location)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        value, _ends = self._read(self._path(key, version))
        return default if value is _MISSING else value

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self._read(self._path(key, version))[0] is not _MISSING

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        path = self._path(key, version)
        with self._lock(path):
            self._write(path, value, self._end(timeout))

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        path = self._path(key, version)
        with self._lock(path):
            if self._read(path)[0] is not _MISSING:
                return False
            self._write(path, value, self._end(timeout))
        return True

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """The new value; it ends when the old one would have. Raises `ValueError` for what is no number here."""
        path = self._path(key, version)
        with self._lock(path):
            value, ends = self._read(path)
            if type(value) is not int:
                raise ValueError(f"Key '{key}' not found")
            self._write(path, value + delta, ends)
        return value + delta

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        path = self._path(key, version)
        with self._lock(path):
            value, _ends = self._read(path)
            if value is not _MISSING:
                self._write(path, value, self._end(timeout))
        return value is not _MISSING

    def delete(self, key: str, version: int | None = None) -> bool:
        try:
            self._path(key, version).unlink()
        except FileNotFoundError:
            return False
        return True

    def clear(self) -> None:
        for path in self._folder.glob(f"*{_SUFFIX}"):
            path.unlink(missing_ok=True)

    def _path(self, key: str, version: int | None) -> Path:
        name = md5(self.make_and_validate_key(key, version=version).encode(), usedforsecurity=False).hexdigest()
        return self._folder / f"{name}{_SUFFIX}"

    def _end(self, timeout: Any) -> float:
        end = self.get_backend_timeout(timeout)
        return _NEVER if end is None else float(end)

    def _lock(self, path: Path) -> FileLock:
        """Held by one thread of one process; sixteen of them, so that few wait for each other."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileLock(self._folder / f"{path.name[0]}.lock", timeout=_LOCK_SECONDS, poll_interval=_LOCK_POLL_SECONDS)

    def _read(self, path: Path) -> tuple[Any, float]:
        """The value and its end, or `_MISSING`."""
        try:
            with path.open("rb") as file:
                ends = os.fstat(file.fileno()).st_mtime
                if ends > time.time():
                    return json.loads(file.read()), ends
        except (FileNotFoundError, ValueError, RecursionError):
            pass
        return _MISSING, 0

    def _write(self, path: Path, value: Any, ends: float) -> None:
        """Replace the file in one step, so that no reader ever sees half of it."""
        if path.name.startswith(_CULL_AT) and not path.exists():
            self._cull()
        handle, temporary = tempfile.mkstemp(dir=self._folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(value, file)
            os.utime(temporary, (ends, ends))
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _cull(self) -> None:
        """Remove what has ended, and if the rest is too much, what would end first."""
        now = time.time()
        with os.scandir(self._folder) as entries:
            files = sorted((entry.stat().st_mtime, entry.path) for entry in entries if entry.is_file())
        values = [(ends, path) for ends, path in files if not path.endswith(".lock")]
        gone = sum(ends < now - _STALE_SECONDS for ends, _path in values)
        if len(values) - gone >= self._max_entries:
            gone = len(values) - self._max_entries + self._max_entries // max(1, self._cull_frequency)
        for _ends, path in values[:gone]:
            with suppress(FileNotFoundError):
                Path(path).unlink()
