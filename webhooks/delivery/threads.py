"""A few threads that send events right after the transaction they were noted in."""

import atexit
import os
import time
from collections.abc import Collection, Iterable
from datetime import datetime

from django.utils import timezone

from payments.background import BackgroundThreads
from webhooks.delivery.service import PAUSE_WHEN_DOWN, SWEEP_SECONDS, deliver_to
from webhooks.models import Delivery, Endpoint

# A command that has settled a refund ends at once: so long it waits for its events to be sent.
_SECONDS_AT_THE_END = 5.0


# Endpoints that answer nothing good, and until when they are left alone.
_resting: dict[str, datetime] = {}


def _deliver(endpoint_ids: Collection[str]) -> Iterable[tuple[str, datetime]]:
    """Send what is due for these endpoints. Returns the ones for which more is waiting, and when it is due."""
    for key in endpoint_ids:
        sent = deliver_to(int(key), until=time.monotonic() + SWEEP_SECONDS)
        due = Delivery.objects.filter(endpoint=int(key)).next_due_at()
        if sent.is_down:
            _resting[key] = timezone.now() + PAUSE_WHEN_DOWN
        elif sent.delivered:  # a look that found nothing to send says nothing of the endpoint
            _resting.pop(key, None)
        if due is not None:
            yield key, max(due, _resting.get(key, due))


def sending_threads() -> BackgroundThreads:
    # One endpoint at a time for each thread, so that a slow one holds up no other. A new event does not wait for
    # the next try of an older one.
    seconds = PAUSE_WHEN_DOWN.total_seconds()
    return BackgroundThreads(_deliver, name="event-delivery", chunk=1, retry_seconds=seconds, again_seconds=0)


_sending = sending_threads()


def send_soon(endpoints: Iterable[Endpoint]) -> None:
    """Have what is due for these endpoints sent by threads of this process, now and again until it is done."""
    for endpoint in endpoints:
        key = str(endpoint.pk)
        if key not in _resting or _resting[key] <= timezone.now():  # else it is looked at again by itself
            _sending.notify(key)


@atexit.register
def finish() -> None:
    """Let what has begun be sent to its end; whatever does not make it is sent by the next sweep."""
    _sending.finish(_SECONDS_AT_THE_END)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_sending.forget)
