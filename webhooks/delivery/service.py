"""Send deliveries: each at least once, retried with growing pauses, and no endpoint delays another.

A process takes a delivery for a limited time. If it dies, another one sends the delivery again after that.
No transaction is open during a request.
"""

import logging
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from core.encryption.cipher import DecryptError
from core.queue import UNTIL_NEXT_RUN
from webhooks.delivery.destinations import parse_url
from webhooks.delivery.http import post
from webhooks.endpoints import signing_secrets
from webhooks.events import body_of
from webhooks.failures import Failure, SendError
from webhooks.models import Attempt, Delivery, DeliveryQuerySet, DeliveryStatus, Endpoint, Event, EventType
from webhooks.signing import signed_headers

logger = logging.getLogger(__name__)

# The pauses after failed attempts; the last attempt is about 75 hours after the first.
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
JITTER = 0.2  # a pause is up to this much longer, so that retries do not come all at once
LONGEST_RETRY_AFTER = timedelta(hours=24)
LEASE = timedelta(minutes=2)  # longer than a run and its last attempt can take
RUN_SECONDS = 20.0
# After this many failures in a row, nothing is sent to the endpoint during the pause.
FAILURES_THAT_MEAN_DOWN = 3
PAUSE_WHEN_DOWN = UNTIL_NEXT_RUN

_GONE = 410
_RETRY_AFTER_STATUSES = frozenset({429, 503})
_dice = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Sent:
    """The number of accepted and of failed attempts of one run. `is_down`: an endpoint kept failing."""

    delivered: int = 0
    failed: int = 0
    is_down: bool = False


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """The result of one attempt: an HTTP status, or why there is none."""

    status: int | None = None
    failure: Failure | None = None
    text: str = ""
    retry_after: timedelta = timedelta(0)

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def endpoints_due() -> list[int]:
    """Return the endpoints with due deliveries that no process sends to and that are not paused, in random order."""
    now = timezone.now()
    due = Delivery.objects.due(now).filter(endpoint__in=Endpoint.objects.free(now))
    found = list(due.order_by().values_list("endpoint_id", flat=True).distinct())
    _dice.shuffle(found)
    return found


def deliver_due() -> Sent:
    """Send what is due, one endpoint after the other."""
    parts = []
    for endpoint_id in endpoints_due():
        try:
            parts.append(deliver_to(endpoint_id))
        except Exception:  # an error of one endpoint must not stop the others
            logger.exception("deliveries to endpoint %s could not be sent", endpoint_id)
            parts.append(Sent(failed=1))
    return Sent(
        sum(part.delivered for part in parts), sum(part.failed for part in parts), any(part.is_down for part in parts)
    )


def deliver_to(endpoint_id: int, *, seconds: float = RUN_SECONDS) -> Sent:
    """Send what is due to one endpoint, the oldest first. Begins no new attempt after `seconds`.

    Only one process sends to an endpoint at a time, so that a slow endpoint does not occupy all of them. Does nothing
    if another one does, or while the endpoint is paused because it kept failing.
    """
    end, sent = time.monotonic() + seconds, Sent()
    while (busy_until := _claim(endpoint_id)) is not None:
        run = Sent()
        try:
            run = _send_due(endpoint_id, end)
        finally:
            _release(endpoint_id, busy_until, is_down=run.is_down)
        sent = Sent(sent.delivered + run.delivered, sent.failed + run.failed, run.is_down)
        # Whoever noted a delivery just before the release found the endpoint busy: it is ours to send.
        is_done = run.is_down or time.monotonic() >= end
        if is_done or not Delivery.objects.due(timezone.now()).filter(endpoint=endpoint_id).exists():
            break
    return sent


def _claim(endpoint_id: int) -> datetime | None:
    """Reserve the endpoint for this run. Return until when, or None if it is not free."""
    now = timezone.now()
    free = Endpoint.objects.free(now).filter(pk=endpoint_id)
    return now + LEASE if free.update(busy_until=now + LEASE) else None


def _release(endpoint_id: int, busy_until: datetime, *, is_down: bool) -> None:
    # Not if the lease went by and another process has claimed it since.
    ours = Endpoint.objects.filter(pk=endpoint_id, busy_until=busy_until)
    ours.update(busy_until=None, paused_until=timezone.now() + PAUSE_WHEN_DOWN if is_down else None)


def _send_due(endpoint_id: int, end: float) -> Sent:
    delivered = failed = in_a_row = 0
    while in_a_row < FAILURES_THAT_MEAN_DOWN and time.monotonic() < end:
        taken = _take(endpoint_id, timezone.now())
        if taken is None:
            break
        if _attempt(taken).is_delivered:
            delivered, in_a_row = delivered + 1, 0
        else:
            failed, in_a_row = failed + 1, in_a_row + 1
    return Sent(delivered, failed, is_down=in_a_row == FAILURES_THAT_MEAN_DOWN)


def send_again(deliveries: DeliveryQuerySet) -> list[Delivery]:
    """Make these deliveries due again, with all their attempts. Return those that will be sent.

    Leaves out tests and deliveries that are being sent. Ends the pause of their endpoints.
    """
    now = timezone.now()
    with transaction.atomic():
        chosen = deliveries.not_being_sent(now).exclude(event__type=EventType.PING)
        again = list(chosen.select_related("event", "endpoint").select_for_update(of=("self",)))
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in again]).update(
            status=DeliveryStatus.WAITING, failures=0, next_attempt_at=now, taken_until=None, finished_at=None
        )
        Endpoint.objects.filter(pk__in={delivery.endpoint_id for delivery in again}).update(paused_until=None)
    return again


def send_test(endpoint: Endpoint) -> Delivery:
    """Send a test event once and now, even to an endpoint that is off. Return its delivery with the result."""
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
    """Take one due delivery; no other process takes it before the lease is over."""
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


def _attempt(taken: _Taken) -> AttemptOutcome:
    """Send one delivery once, and store the outcome."""
    began = time.perf_counter()
    outcome = _send(taken.delivery)
    taken.attempt.milliseconds = round((time.perf_counter() - began) * 1000)
    _store(taken, outcome)
    if not outcome.is_delivered:
        word = outcome.failure or f"HTTP {outcome.status}"
        logger.warning("%s to endpoint %s: %s", taken.delivery.event, taken.delivery.endpoint_id, word)
    return outcome


def _send(delivery: Delivery) -> AttemptOutcome:
    endpoint, now = delivery.endpoint, timezone.now()
    body = body_of(delivery.event).encode()
    try:
        signing = signing_secrets(endpoint, now)
        headers = signed_headers(message_id=delivery.event.message_id, at=now, body=body, secret_texts=signing)
        headers |= {"Content-Type": "application/json", "User-Agent": "refund-desk"}
        answer = post(parse_url(endpoint.url), headers=headers, body=body)
    except SendError as exc:
        return AttemptOutcome(failure=exc.failure)
    except DecryptError:
        return AttemptOutcome(failure=Failure.SECRET_UNREADABLE)
    wait = timedelta(seconds=answer.retry_after) if answer.status in _RETRY_AFTER_STATUSES else timedelta(0)
    return AttemptOutcome(status=answer.status, text=answer.text, retry_after=min(wait, LONGEST_RETRY_AFTER))


def _store(taken: _Taken, outcome: AttemptOutcome) -> None:
    now, delivery, attempt = timezone.now(), taken.delivery, taken.attempt
    waiting = Delivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.WAITING)
    # Not if another process has taken it since: then that attempt is under way.
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
