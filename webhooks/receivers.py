"""Store what the refund ledger announces as events, and enqueue their delivery."""

from typing import Any

from django.dispatch import receiver

from core.queue import enqueue
from refunds.models import RefundApproval, RefundRecord, RefundReversal
from refunds.signals import approval_changed, refund_reversed, refund_settled
from webhooks.events import note_approval, note_reversal, note_settlement
from webhooks.tasks import deliver_to


@receiver(refund_settled, dispatch_uid="webhooks.note_event")
def note_event(*, record: RefundRecord, **_signal: Any) -> None:
    for endpoint in note_settlement(record):
        enqueue(deliver_to, endpoint.pk)


@receiver(refund_reversed, dispatch_uid="webhooks.note_reversal")
def note_reversal_event(*, reversal: RefundReversal, **_signal: Any) -> None:
    for endpoint in note_reversal(reversal):
        enqueue(deliver_to, endpoint.pk)


@receiver(approval_changed, dispatch_uid="webhooks.note_approval")
def note_approval_event(*, approval: RefundApproval, **_signal: Any) -> None:
    for endpoint in note_approval(approval):
        enqueue(deliver_to, endpoint.pk)
