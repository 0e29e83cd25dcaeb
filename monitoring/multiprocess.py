"""Counters and histograms that all processes of one machine add up, with prometheus_client's multiprocess mode.

Each process writes to files of its own below `VAR_DIR/metrics`. Process numbers cannot name them: containers share
these numbers, and every new one would leave files behind. A process therefore claims the first number whose lock
nobody holds, and goes on where the process before it stopped.
"""

import itertools
import logging
import os
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from filelock import FileLock, Timeout
from prometheus_client import Metric, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

logger = logging.getLogger(__name__)

_KINDS = ("counter", "histogram")
_FILE_BYTES = 1 << 20  # about 5,000 numbers
_PAUSE_SECONDS = 60.0  # without another try after a failure: a full disk must not slow every call down

_setting_up = threading.Lock()
_used_folder: Path | None = None
_paused_until = 0.0
_held: list[FileLock] = []  # until the process ends


def measure(change: Callable[[], None]) -> None:
    """Call `change`, which adds to a labelled metric. Does nothing while METRICS_TOKEN is unset.

    Raises nothing: what cannot be written is not counted, and fails no refund.
    """
    global _paused_until
    if not settings.METRICS_TOKEN or time.monotonic() < _paused_until:
        return
    try:
        _set_up(_folder())
        change()
    except Exception as exc:  # noqa: BLE001 - whatever it is, a refund is worth more than its measurement
        _paused_until = time.monotonic() + _PAUSE_SECONDS
        logger.warning("metrics cannot be written below VAR_DIR: %r", exc)


def measured() -> Iterable[Metric]:
    """Return the metrics with what every process of this machine has counted, ended ones included."""
    files = [path for kind in _KINDS for path in _folder().glob(f"{kind}_*.db")]
    readable = [str(path) for path in files if _is_readable(path)]
    merged: Iterable[Metric] = MultiProcessCollector.merge(readable)  # type: ignore[no-untyped-call]
    return merged


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "metrics"


def _set_up(folder: Path) -> None:
    """Have metrics made from now on keep their numbers in `folder`."""
    global _used_folder
    with _setting_up:
        if folder != _used_folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
            values.ValueClass = values.MultiProcessValue(lambda: _claim(folder, os.getpid()))  # type: ignore[no-untyped-call]
            _used_folder = folder


@lru_cache(maxsize=1)
def _claim(folder: Path, _process: int) -> int:
    """Return the number of this process's files, which are its own until it ends. A forked child claims another."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in itertools.count():
        lock = FileLock(folder / f"{number}.lock", thread_local=False, fallback_to_soft=False)
        with suppress(Timeout):
            lock.acquire(timeout=0)
            for kind in _KINDS:
                _prepare(folder / f"{kind}_{number}.db")
            _held.append(lock)
            return number
    raise AssertionError("there is always another number")


def _is_readable(path: Path) -> bool:
    """Return whether the file is there and whole: a crash of the machine can leave anything."""
    try:
        list(MmapedDict.read_all_values_from_file(str(path)))  # type: ignore[no-untyped-call]
        return path.stat().st_size >= _FILE_BYTES
    except (FileNotFoundError, RuntimeError, UnicodeDecodeError, struct.error):
        return False


def _prepare(path: Path) -> None:
    """Make the file unless it is there. Raises `OSError` for a full disk."""
    if not _is_readable(path):
        # Written in full: to write into a hole of a memory map ends the process when the disk is full.
        temporary = path.with_suffix(".new")
        temporary.write_bytes(bytes(_FILE_BYTES))
        temporary.replace(path)
