"""Counters and histograms summed over all processes of one machine, with prometheus_client's multiprocess mode.

Each process writes its own files below `VAR_DIR/metrics`. Process ids cannot name them: containers share these ids, and
each new process would leave files behind. A process therefore claims the first number whose lock is free, and continues
the counts of the process that held it before.
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
_PAUSE_SECONDS = 60.0  # pause after a failure: a full disk must not slow down every call

_setting_up = threading.Lock()
_used_folder: Path | None = None
_paused_until = 0.0
_held: list[FileLock] = []  # held until the process ends


def measure(change: Callable[[], None]) -> None:
    """Call `change`, which adds to a labelled metric. Does nothing while METRICS_TOKEN is unset.

    Raises nothing: if the files cannot be written, the change is lost and the refund continues.
    """
    global _paused_until
    if not settings.METRICS_TOKEN or time.monotonic() < _paused_until:
        return
    try:
        _set_up(_folder())
        change()
    except Exception as exc:  # noqa: BLE001 - a measurement must not fail a refund
        _paused_until = time.monotonic() + _PAUSE_SECONDS
        logger.warning("metrics cannot be written below VAR_DIR: %r", exc)


def measured() -> Iterable[Metric]:
    """Return the metrics summed over every process of this machine, including ended ones."""
    files = [path for kind in _KINDS for path in _folder().glob(f"{kind}_*.db")]
    readable = [str(path) for path in files if _is_readable(path)]
    merged: Iterable[Metric] = MultiProcessCollector.merge(readable)  # type: ignore[no-untyped-call]
    return merged


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "metrics"


def _set_up(folder: Path) -> None:
    """Make metrics created from now on store their values in `folder`."""
    global _used_folder
    with _setting_up:
        if folder != _used_folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
            values.ValueClass = values.MultiProcessValue(lambda: _claim(folder, os.getpid()))  # type: ignore[no-untyped-call]
            _used_folder = folder


@lru_cache(maxsize=1)
def _claim(folder: Path, _process: int) -> int:
    """Claim a number for this process's files until it ends, and return it. A forked child claims another."""
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
    """Return whether the file exists and is intact: a crash of the machine can leave a damaged one."""
    try:
        list(MmapedDict.read_all_values_from_file(str(path)))  # type: ignore[no-untyped-call]
        return path.stat().st_size >= _FILE_BYTES
    except (FileNotFoundError, RuntimeError, UnicodeDecodeError, struct.error):
        return False


def _prepare(path: Path) -> None:
    """Create the file unless it exists and is intact. Raises `OSError` if the disk is full."""
    if not _is_readable(path):
        # Allocate the whole file: on a full disk, writing to a sparse memory map kills the process.
        temporary = path.with_suffix(".new")
        temporary.write_bytes(bytes(_FILE_BYTES))
        temporary.replace(path)
