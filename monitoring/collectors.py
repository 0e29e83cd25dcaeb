"""Register the collectors of `/metrics` and write their metrics in Prometheus' text format."""

import logging
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from monitoring.broker import waiting_messages
from monitoring.multiprocess import measured

logger = logging.getLogger(__name__)

Collect = Callable[[], Iterable[Metric]]
PREFIX = "refund_desk"

_collectors: dict[str, Collect] = {}


def register_collector(name: str, collect: Collect) -> None:
    """Add the metrics of `collect` to `/metrics`. If it fails, the other collectors are still shown."""
    _collectors[name] = collect


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All())
    return generate_latest(registry)


class _All(Collector):
    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            f"{PREFIX}_collector_up", "1 if this part of the metrics could be read.", labels=["part"]
        )
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


def _queue() -> Iterable[Metric]:
    yield GaugeMetricFamily(f"{PREFIX}_queue_messages", "Messages that wait for a worker.", value=waiting_messages())


register_collector("measurements", measured)
register_collector("queue", _queue)
