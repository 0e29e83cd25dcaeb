"""A few threads that read i'mport after a notification was answered, so that a lone web process needs no worker."""

import os
from collections.abc import Collection, Iterable
from datetime import datetime

from payments.background import BackgroundThreads
from payments.intake.inbox import BACK_OFF, CHUNK, read_due


def _read(imp_uids: Collection[str]) -> Iterable[tuple[str, datetime]]:
    return read_due(imp_uids=imp_uids)


def reading_threads() -> BackgroundThreads:
    return BackgroundThreads(_read, name="iamport-reading", chunk=CHUNK, retry_seconds=BACK_OFF[0].total_seconds())


_readings = reading_threads()


def read_soon(imp_uid: str) -> None:
    """Have a noted payment read by a thread of this process, now and again until it is done."""
    _readings.notify(imp_uid)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_readings.forget)
