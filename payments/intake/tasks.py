"""Background work on payments. A task may be lost, repeated or run twice at once: what it calls allows for that."""

import logging

from celery import shared_task

from core.queue import enqueue
from payments.gateway import GatewayError
from payments.intake import catch_up
from payments.intake.inbox import read_now

logger = logging.getLogger(__name__)


@shared_task
def read_notified(imp_uid: str) -> None:
    """Read a notified payment from i'mport, and once more if it was notified again meanwhile."""
    again_at = read_now(imp_uid=imp_uid)
    if again_at is not None:
        enqueue(read_notified, imp_uid, at=again_at)


@shared_task
def mirror() -> None:
    """Every few minutes: copy what has changed at i'mport since the last run."""
    try:
        catch_up.catch_up()
    except GatewayError as exc:
        logger.warning("i'mport's payments could not be copied, the next run continues there: %s", exc.message)
