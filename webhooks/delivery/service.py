"""Send what is waiting: at least once each, with growing pauses, and no endpoint at the cost of another.

A delivery is taken by one process at a time and only for a while, so whoever dies with it leaves it to the next one.
No transaction is open while an endpoint is asked.
"""

import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import connections, transaction
from django.utils import timezone

from core.encryption.cipher import DecryptError
from webhooks.delivery.destinations import parse_url
from webhooks.delivery.http import post
from webhooks.endpoints import signing_secrets
from webhooks.events import body_of
from webhooks.failures import Failure, SendError
from webhooks.models import Attempt, Delivery, DeliveryQuerySet, DeliveryStatus, Endpoint, Event, EventType
from webhooks.signing import signed_headers

logger = logging.getLogger(__name__)

# The pauses after each failed attempt; the last attempt is about 75 hours after the first.
BACK_OFF = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MAX_FAILURES = len(BACK_OFF) + 1
JITTER = 0.2  # a pause is up to so much longer, that retries do not come all at once
LONGEST_RETRY_AFTER = timedelta(hours=24)
LEASE = timedelta(minutes=2)  # longer than an attempt can take
SWEEP_SECONDS = 40.0
ENDPOINTS_AT_ONCE = 8
# An endpoint that fails so often in a row is left alone for a while, whatever else waits for it.
FAILURES_THAT_MEAN_DOWN = 3
PAUSE_WHEN_DOWN = timedelta(minutes=1)

_GONE = 410
_ASK_TO_WAIT = frozenset({429, 503})
_dice = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the attempts of one run. `is_down`: an endpoint was left alone because it kept failing."""

    delivered: int = 0
    failed: int = 0
    is_down: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt brought: an HTTP status, or why there is none."""

    status: int | None = None
    failure: Failure | None = None
    text: str = ""
    retry_after: timedelta = timedelta(0)

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def deliver_due(*, seconds: float = SWEEP_SECONDS) -> Sent:
    """Send what is due, each endpoint in a thread of its own. Begins nothing new after `seconds`."""
    due = Delivery.objects.due(timezone.now()).order_by()
    endpoints = list(due.values_list("endpoint_id", flat=True).distinct())
    if not endpoints:
        return Sent()
    _dice.shuffle(endpoints)  # with more than there are threads, it is not always the same ones that come too late
    with ThreadPoolExecutor(min(len(endpoints), ENDPOINTS_AT_ONCE), "event-sweep") as pool:
        parts = list(pool.map(partial(_in_a_thread, until=time.monotonic() + seconds), endpoints))
    return Sent(
        sum(part.delivered for part in parts), sum(part.failed for part in parts), any(part.is_down for part in parts)
    )


def _in_a_thread(endpoint_id: int, *, until: float) -> Sent:
    try:
        return deliver_to(endpoint_id, until=until)
    except Exception:  # one endpoint must not take the others with it
        logger.exception("events for endpoint %s could not be sent", endpoint_id)
        return Sent(failed=1)
    finally:
        connections.close_all()


def deliver_to(endpoint_id: int, *, until: float) -> Sent:
    """Send what is due for one endpoint, the longest waiting first. Begins nothing new after `until` (monotonic)."""
    delivered = failed = in_a_row = 0
    while in_a_row < FAILURES_THAT_MEAN_DOWN and time.monotonic() < until:
        taken = _take(endpoint_id, timezone.now())
        if taken is None:
            break
        if _attempt(taken).is_delivered:
            delivered, in_a_row = delivered + 1, 0
        else:
            failed, in_a_row = failed + 1, in_a_row + 1
    return Sent(delivered, failed, is_down=in_a_row == FAILURES_THAT_MEAN_DOWN)


def send_again(deliveries: DeliveryQuerySet) -> list[Delivery]:
    """Have these sent anew, whatever became of them, with all their attempts; returns the ones that will be.

    Left out: tests, and what is being sent just now.
    """
    now = timezone.now()
    with transaction.atomic():
        chosen = deliveries.not_being_sent(now).exclude(event__type=EventType.PING)
        again = list(chosen.select_related("event", "endpoint").select_for_update(of=("self",)))
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in again]).update(
            status=DeliveryStatus.WAITING, failures=0, next_attempt_at=now, taken_until=None, finished_at=None
        )
    return again


def send_test(endpoint: Endpoint) -> Delivery:
    """Send a test event once, now, even to an endpoint that is off; returns its delivery with what became of it."""
    now = timezone.now()
    with transaction.atomic():
        event = Event.objects.create(type=EventType.PING, created_at=now)
        delivery = Delivery.objects.create(
            event=event,
            endpoint=endpoint,
            attempts=1,
            failures=MAX_FAILURES - 1,  # a failure is its last
            next_attempt_at=now,
            taken_until=now + LEASE,
        )
        attempt = Attempt.objects.create(delivery=delivery, at=now)
    _attempt(_Taken(delivery, attempt))
    delivery.refresh_from_db()
    return delivery


@dataclass(frozen=True, slots=True)
class _Taken:
    delivery: Delivery
    attempt: Attempt


def _take(endpoint_id: int, now: datetime) -> _Taken | None:
    """Take one due delivery; nobody else takes it before the lease is over."""
    with transaction.atomic():
        due = Delivery.objects.due(now).filter(endpoint=endpoint_id).select_related("event", "endpoint")
        waiting = due.order_by("next_attempt_at", "pk").select_for_update(skip_locked=True, of=("self",))
        delivery = waiting.first()
        if delivery is None:
            return None
        delivery.taken_until = now + LEASE
        delivery.attempts += 1
        delivery.save(update_fields=["taken_until", "attempts"])
        return _Taken(delivery, Attempt.objects.create(delivery=delivery, at=now))


def _attempt(taken: _Taken) -> Outcome:
    """Send one delivery once, and write down what came of it."""
    began = time.perf_counter()
    outcome = _send(taken.delivery)
    taken.attempt.milliseconds = round((time.perf_counter() - began) * 1000)
    _write_down(taken, outcome)
    if not outcome.is_delivered:
        word = outcome.failure or f"HTTP {outcome.status}"
        logger.warning("%s to endpoint %s: %s", taken.delivery.event, taken.delivery.endpoint_id, word)
    return outcome


def _send(delivery: Delivery) -> Outcome:
    endpoint, now = delivery.endpoint, timezone.now()
    body = body_of(delivery.event).encode()
    try:
        signing = signing_secrets(endpoint, now)
        headers = signed_headers(message_id=delivery.event.message_id, at=now, body=body, secret_texts=signing)
        headers |= {"Content-Type": "application/json", "User-Agent": "refund-desk"}
        answer = post(parse_url(endpoint.url), headers=headers, body=body)
    except SendError as exc:
        return Outcome(failure=exc.failure)
    except DecryptError:
        return Outcome(failure=Failure.SECRET_UNREADABLE)
    wait = timedelta(seconds=answer.retry_after) if answer.status in _ASK_TO_WAIT else timedelta(0)
    return Outcome(status=answer.status, text=answer.text, retry_after=min(wait, LONGEST_RETRY_AFTER))


def _write_down(taken: _Taken, outcome: Outcome) -> None:
    now, delivery, attempt = timezone.now(), taken.delivery, taken.attempt
    waiting = Delivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.WAITING)
    # Not if somebody else has taken it since: then theirs is the attempt under way.
    still_ours = waiting.filter(taken_until=delivery.taken_until)
    failures = delivery.failures + 1
    with transaction.atomic():
        attempt.status, attempt.error, attempt.answer = outcome.status, outcome.failure or "", outcome.text
        attempt.save(update_fields=["status", "error", "milliseconds", "answer"])
        if outcome.is_delivered:
            waiting.update(status=DeliveryStatus.DELIVERED, finished_at=now, taken_until=None)
        elif outcome.status == _GONE or failures >= MAX_FAILURES:
            still_ours.update(status=DeliveryStatus.GIVEN_UP, failures=failures, finished_at=now, taken_until=None)
            logger.error("%s to endpoint %s: given up", delivery.event, delivery.endpoint_id)
        else:
            pause = max(BACK_OFF[failures - 1] * _dice.uniform(1, 1 + JITTER), outcome.retry_after)
            still_ours.update(failures=failures, next_attempt_at=now + pause, taken_until=None)
        if outcome.status == _GONE:
            Endpoint.objects.filter(pk=delivery.endpoint_id).update(enabled=False, disabled_by_410=True)
