"""Register the collectors of `/metrics` and write their metrics in Prometheus' text format."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from monitoring.broker import waiting_messages
from monitoring.multiprocess import measured
from monitoring.time_limited import TimeLimitedCheck

logger = logging.getLogger(__name__)

Collect = Callable[[], Iterable[Metric]]
PREFIX = "refund_desk"

_collectors: dict[str, Collect] = {}
_at_work = threading.Lock()


class BusyError(Exception):
    """Another request is collecting the metrics."""


def register_collector(name: str, collect: Collect) -> None:
    """Add the metrics of `collect` to `/metrics`. If it fails, the other collectors are still shown."""
    _collectors[name] = collect


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format. Raises `BusyError` while another thread collects them."""
    if not _at_work.acquire(blocking=False):
        raise BusyError
    try:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Found(list(_collected())))
        return generate_latest(registry)
    finally:
        _at_work.release()


class _Found(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _collected() -> Iterator[Metric]:
    up = GaugeMetricFamily(f"{PREFIX}_collector_up", "1 if this part of the metrics could be read.", labels=["part"])
    for name, collect in _collectors.items():
        try:
            found = list(collect())
        except Exception:
            logger.exception("metrics of %s could not be read", name)
            up.add_metric([name], 0)
        else:
            up.add_metric([name], 1)
            yield from found
    yield up


_waiting = TimeLimitedCheck(waiting_messages, limit=2, fresh_for=1)


def _queue() -> Iterable[Metric]:
    yield GaugeMetricFamily(
        f"{PREFIX}_queue_messages", "Messages that wait for a worker.", value=_waiting.start().answer()
    )


def register_own_collectors() -> None:
    """Register the collectors that need no other app."""
    register_collector("measurements", measured)
    register_collector("queue", _queue)
