"""Background work on payments. A task may be lost, repeated or run twice at once: the inbox allows for that."""

from celery import shared_task

from core.queue import enqueue
from payments.intake.inbox import read_now


@shared_task
def read_notified(imp_uid: str) -> None:
    """Read a notified payment from i'mport, and once more if it was notified again meanwhile."""
    again_at = read_now(imp_uid=imp_uid)
    if again_at is not None:
        enqueue(read_notified, imp_uid, at=again_at)
