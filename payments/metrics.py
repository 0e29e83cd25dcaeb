"""Metrics of the notification inbox."""

from collections.abc import Iterable

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from monitoring.collectors import PREFIX, register_collector
from payments.models import Notification


def collect() -> Iterable[Metric]:
    """Return how many notified payments were not read yet, and the age of the oldest notification among them."""
    found = Notification.objects.waiting().aggregate(count=Count("pk"), oldest=Min("requested_at"))
    age = (timezone.now() - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    text = "Notified payments that were not read yet."
    yield GaugeMetricFamily(f"{PREFIX}_notifications_waiting", text, value=found["count"])
    text = "Age of the oldest of them, counted from its last notification."
    yield GaugeMetricFamily(f"{PREFIX}_notifications_waiting_oldest_seconds", text, value=max(0.0, age))


register_collector("payments", collect)
