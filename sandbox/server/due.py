"""Do in the background what is due: settle cancels, pay schedules."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connections

from sandbox.server import cancels, schedules

logger = logging.getLogger(__name__)


def do_due_forever(stopping: threading.Event, every_seconds: float) -> None:
    """Run in a background thread, so that webhooks are sent without a call."""
    while not stopping.wait(every_seconds):
        try:
            cancels.settle_due()
            schedules.pay_due()
        except DatabaseError:
            logger.exception("could not do what is due; trying again")
    connections.close_all()
