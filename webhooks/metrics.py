"""Metrics of the deliveries that are due."""

from collections.abc import Iterable

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from monitoring.collectors import PREFIX, register_collector
from webhooks.models import Delivery


def collect() -> Iterable[Metric]:
    """Count the deliveries that should be under way, and say how late the oldest is."""
    now = timezone.now()
    due = Delivery.objects.due(now).aggregate(count=Count("pk"), oldest=Min("next_attempt_at"))
    late = (now - due["oldest"]).total_seconds() if due["oldest"] else 0.0
    yield GaugeMetricFamily(f"{PREFIX}_deliveries_due", "Webhook deliveries that are due.", value=due["count"])
    yield GaugeMetricFamily(
        f"{PREFIX}_deliveries_due_oldest_seconds", "Seconds since the oldest of them was due.", value=late
    )


register_collector("webhooks", collect)
