"""Numbers that several processes add to: each in a file of its own, which is folded into a total when it has ended.

The files have prometheus_client's multi-process format, but are written with plain writes: its memory maps end a
process with SIGBUS when the disk is full, and it tells processes apart by numbers that containers share. Here a lock,
held for life, says that a file's process is alive.
"""

import logging
import os
import struct
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout
from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

logger = logging.getLogger(__name__)

_TOTAL = "histogram_total.db"  # prometheus_client takes the kind from the name
_LOCK_SECONDS = 2
_PAUSE = 60  # seconds without another try after a failure: a full disk must not slow every call down
_HEAD = struct.Struct("=ii")  # the bytes in use, and four that are not
_LENGTH = struct.Struct("=i")
_VALUE = struct.Struct("=dd")  # the number, and a time that only gauges need


class SharedNumbers:
    """This process's numbers, below `folder`. Threads share one instance; a forked child needs its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = threading.Lock()
        self._values: dict[str, tuple[int, float]] = {}  # key: where it stands in the file, and what it is
        self._used = _HEAD.size
        self._file: int | None = None
        self._alive: FileLock | None = None
        self._paused_until = 0.0

    def add(self, amounts: Mapping[str, float]) -> None:
        """Add to the numbers of these keys; 0 makes a number exist. What cannot be written is not counted."""
        with self._guard:
            if time.monotonic() < self._paused_until:
                return
            try:
                for key, amount in amounts.items():
                    self._add(key, amount)
            except (OSError, NotImplementedError) as exc:
                self._paused_until = time.monotonic() + _PAUSE
                logger.warning("metrics cannot be written below VAR_DIR: %s", type(exc).__name__)

    def _add(self, key: str, amount: float) -> None:
        if self._file is None:
            self._file = self._open()
        if key not in self._values:
            position, entry = self._used, _entry(key, amount)
            os.pwrite(self._file, entry, position)
            self._used += len(entry)
            os.pwrite(self._file, _HEAD.pack(self._used, 0), 0)
            self._values[key] = (self._used - _VALUE.size, amount)
        elif amount:
            position, value = self._values[key]
            os.pwrite(self._file, _VALUE.pack(value + amount, 0), position)
            self._values[key] = (position, value + amount)

    def _open(self) -> int:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _exclusive(self.folder):
            _fold_the_dead(self.folder)
            path = self.folder / f"histogram_{uuid.uuid4().hex}.db"
            alive = _life_lock(path)
            alive.acquire(timeout=0)
            self._alive = alive
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            os.pwrite(descriptor, _HEAD.pack(_HEAD.size, 0), 0)
        return descriptor


def totals(folder: Path) -> Iterable[Metric]:
    """What all processes counted, living and dead. Raises `OSError`, `Timeout` too, if it cannot be read."""
    if not folder.is_dir():
        return ()
    with _exclusive(folder):
        _fold_the_dead(folder)
        files = [str(path) for path in _files(folder)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged


def _fold_the_dead(folder: Path) -> None:
    """Add the numbers of ended processes to the total, and remove their files."""
    dead = [path for path in _files(folder) if path.name != _TOTAL and _is_dead(path)]
    if dead:
        _write_total(folder, _sums([*filter(Path.exists, [folder / _TOTAL]), *dead]))
    for path in dead:
        path.unlink()
        with suppress(FileNotFoundError):
            path.with_suffix(".lock").unlink()


def _sums(paths: Iterable[Path]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for path in paths:
        try:
            entries = list(MmapedDict.read_all_values_from_file(str(path)))  # type: ignore[no-untyped-call]
        except (RuntimeError, struct.error, UnicodeDecodeError) as exc:  # a crash of the machine can leave anything
            logger.warning("metrics of an ended process are lost: %s", type(exc).__name__)
            continue
        for key, value, *_rest in entries:
            sums[key] = sums.get(key, 0.0) + value
    return sums


def _write_total(folder: Path, sums: Mapping[str, float]) -> None:
    body = b"".join(_entry(key, value) for key, value in sums.items())
    temporary = folder / "total.new"
    temporary.write_bytes(_HEAD.pack(_HEAD.size + len(body), 0) + body)
    temporary.replace(folder / _TOTAL)


def _entry(key: str, value: float) -> bytes:
    text = key.encode()
    padded = text + b" " * (8 - (len(text) + _LENGTH.size) % 8)
    return _LENGTH.pack(len(text)) + padded + _VALUE.pack(value, 0)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("histogram_*.db"))


def _is_dead(path: Path) -> bool:
    lock = _life_lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def _life_lock(path: Path) -> FileLock:
    return FileLock(path.with_suffix(".lock"), thread_local=False, fallback_to_soft=False)


def _exclusive(folder: Path) -> FileLock:
    return FileLock(folder / "folder.lock", timeout=_LOCK_SECONDS, fallback_to_soft=False)
