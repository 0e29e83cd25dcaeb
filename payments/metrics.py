"""Metrics of how payments get here: the notification inbox, and the periodic mirror."""

from collections.abc import Iterable

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from monitoring.collectors import PREFIX, register_collector
from payments.models import MirrorMark, Notification


def collect() -> Iterable[Metric]:
    """Return how many notified payments were not read yet, the age of the oldest, and how far the mirror has read."""
    # Not those that i'mport does not show: anyone can send invented numbers.
    found = Notification.objects.waiting().filter(unknown=0).aggregate(count=Count("pk"), oldest=Min("requested_at"))
    age = (timezone.now() - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    text = "Notified payments that were not read yet."
    yield GaugeMetricFamily(f"{PREFIX}_notifications_waiting", text, value=found["count"])
    text = "Age of the oldest of them, counted from its last notification."
    yield GaugeMetricFamily(f"{PREFIX}_notifications_waiting_oldest_seconds", text, value=max(0.0, age))
    mirrored = MirrorMark.objects.exclude(mirrored_until=None).values_list("mirrored_until", flat=True).first()
    if mirrored:
        text = "Every payment at i'mport up to this time was copied."
        yield GaugeMetricFamily(f"{PREFIX}_mirrored_until_timestamp_seconds", text, value=mirrored.timestamp())


register_collector("payments", collect)
