"""Note what the refund ledger announces, and have it sent once it is committed."""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from refunds.models import RefundRecord
from refunds.signals import refund_settled
from webhooks.delivery.threads import send_soon
from webhooks.events import note_settlement


@receiver(refund_settled, dispatch_uid="webhooks.note_event")
def note_event(*, record: RefundRecord, **_signal: Any) -> None:
    endpoints = note_settlement(record)
    if endpoints:
        transaction.on_commit(partial(send_soon, endpoints), robust=True)
