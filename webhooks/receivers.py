"""Store what the refund ledger announces as events, and enqueue their delivery."""

from typing import Any

from django.dispatch import receiver

from core.queue import enqueue
from refunds.models import RefundRecord
from refunds.signals import refund_settled
from webhooks.events import note_settlement
from webhooks.tasks import deliver_to


@receiver(refund_settled, dispatch_uid="webhooks.note_event")
def note_event(*, record: RefundRecord, **_signal: Any) -> None:
    for endpoint in note_settlement(record):
        enqueue(deliver_to, endpoint.pk)
