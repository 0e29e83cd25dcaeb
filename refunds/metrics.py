"""Metrics of the refunds: what became of them, which are open, and whether the worker sweeps."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from monitoring.collectors import PREFIX, register_collector
from monitoring.models import last_run, note_run
from payments.labels import PAY_METHODS
from refunds.models import LIVE_STATUSES, RefundRecord
from refunds.tally import tally

_SWEEP = "refunds.sweep"


def note_sweep(at: datetime) -> None:
    """Remember that the periodic work was done, so that a worker that is gone is noticed."""
    note_run(_SWEEP, at)


def collect() -> Iterable[Metric]:
    """Read from the database, so that they are right whichever process is asked, and after a restart."""
    yield from _ended()
    yield from _open()
    review = RefundRecord.objects.filter(needs_review=True).count()
    yield GaugeMetricFamily(f"{PREFIX}_refunds_needing_review", "Refunds that somebody has to look at.", value=review)
    swept_at = last_run(_SWEEP)
    if swept_at is not None:
        text = "When the worker last did its periodic work."
        yield GaugeMetricFamily(f"{PREFIX}_last_sweep_timestamp_seconds", text, value=swept_at.timestamp())


def _ended() -> Iterable[Metric]:
    labels = ["outcome", "source", "method", "currency"]
    count = CounterMetricFamily(f"{PREFIX}_refunds", "Refunds that have ended; outcome: how.", labels=labels)
    text = "Money given back, in major units of its currency."
    amount = CounterMetricFamily(f"{PREFIX}_refunded_amount", text, labels=["source", "currency"])
    counts: Counter[tuple[str, ...]] = Counter()
    amounts: dict[tuple[str, ...], float] = {}
    found = tally()
    if found is None:
        return
    for kind, sums in found.items():
        method = kind.pay_method if kind.pay_method in PAY_METHODS else "other"
        counts[kind.code or kind.status, kind.source, method, kind.currency] += sums.refunds
        amounts[kind.source, kind.currency] = amounts.get((kind.source, kind.currency), 0.0) + float(sums.amount)
    for key, refunds in sorted(counts.items()):
        count.add_metric(key, refunds)
    for key, money in sorted(amounts.items()):
        amount.add_metric(key, money)
    yield count
    yield amount


def _open() -> Iterable[Metric]:
    live = RefundRecord.objects.live().order_by().values_list("status")
    found = {status: (count, at) for status, count, at in live.annotate(count=Count("pk"), at=Min("requested_at"))}
    family = GaugeMetricFamily(f"{PREFIX}_refunds_open", "Refunds whose end is not known yet.", labels=["status"])
    for status in LIVE_STATUSES:
        family.add_metric([status.value], found[status][0] if status in found else 0)
    yield family
    oldest = min((at for _count, at in found.values()), default=None)
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    text = "How long ago the oldest of them was asked for."
    yield GaugeMetricFamily(f"{PREFIX}_refunds_open_oldest_seconds", text, value=max(0.0, age))


register_collector("refunds", collect)
