"""How long things take: histograms that all processes of this machine add up, shown at `/metrics`."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from prometheus_client import Metric
from prometheus_client.mmap_dict import mmap_key
from prometheus_client.utils import floatToGoString

from monitoring.numbers import SharedNumbers, totals

_numbers: SharedNumbers | None = None


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations in seconds by labels, whose values must be few: never a number of an order or of anybody."""

    name: str
    text: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]  # seconds; the last bucket has no end

    def observe(self, seconds: float, *values: str) -> None:
        """Count one duration. Does nothing while METRICS_TOKEN is unset, and never raises for lack of a disk."""
        if not settings.METRICS_TOKEN:
            return
        keys = _keys(self, values)
        bucket = next(key for bound, key in keys.buckets if seconds <= bound)
        empty = {key: 0.0 for _bound, key in keys.buckets}
        _shared().add({keys.sum: seconds, **empty, bucket: 1.0})


def observed() -> Iterable[Metric]:
    """All histograms with what every process of this machine has observed."""
    return totals(_folder())


@dataclass(frozen=True, slots=True)
class _Keys:
    sum: str
    buckets: tuple[tuple[float, str], ...]


@lru_cache(maxsize=4096)
def _keys(histogram: Histogram, values: tuple[str, ...]) -> _Keys:
    name, labels, text = histogram.name, list(histogram.labels), histogram.text
    bounds = (*histogram.bounds, float("inf"))
    buckets = [mmap_key(name, f"{name}_bucket", [*labels, "le"], [*values, _le(bound)], text) for bound in bounds]
    total = mmap_key(name, f"{name}_sum", labels, list(values), text)
    return _Keys(total, tuple(zip(bounds, buckets, strict=True)))


def _le(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "metrics"


def _shared() -> SharedNumbers:
    global _numbers
    if _numbers is None or _numbers.folder != _folder():
        _numbers = SharedNumbers(_folder())
    return _numbers


def _forget_in_child() -> None:
    # The file, and the lock that says it is in use, are the parent's.
    global _numbers
    _numbers = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
