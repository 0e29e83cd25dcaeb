"""Metrics of the readings that are owed."""

from collections.abc import Iterable

from django.db.models import Count, F, Min
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from monitoring.collectors import PREFIX, register_collector
from payments.models import Notification


def collect() -> Iterable[Metric]:
    """How many payments i'mport notified us of and nobody has read since, and how long the oldest has waited."""
    owed = Notification.objects.filter(answered__lt=F("notified")).aggregate(
        count=Count("pk"), oldest=Min("requested_at")
    )
    age = (timezone.now() - owed["oldest"]).total_seconds() if owed["oldest"] else 0.0
    yield GaugeMetricFamily(
        f"{PREFIX}_readings_owed", "Notified payments that were not read since.", value=owed["count"]
    )
    yield GaugeMetricFamily(
        f"{PREFIX}_readings_owed_oldest_seconds",
        "Since when the longest of them waits, from its last notification on.",
        value=max(0.0, age),
    )


register_collector("payments", collect)
