"""Measure and log the calls to i'mport, by endpoint and outcome."""

import logging

from prometheus_client import Histogram

from monitoring.multiprocess import measure
from payments.gateway.iamport.wire import Call, Envelope

CALLS = Histogram(
    "refund_desk_gateway_call_seconds",
    "Time of one call to i'mport, by endpoint and outcome.",
    ("endpoint", "outcome"),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=None,
)

logger = logging.getLogger(__name__)


def note(call: Call, end: Envelope | Exception, seconds: float) -> None:
    """Measure and log one call. `end` is i'mport's answer, or why there was none. Raises nothing."""
    measure(lambda: CALLS.labels(call.endpoint, _outcome(end)).observe(seconds))
    answer = f"{type(end).__name__}: {end}" if isinstance(end, Exception) else f"HTTP {end.status}, code {end.code}"
    logger.info("%s %s: %s, %d ms", call.method, call.path, answer, round(seconds * 1000))


def _outcome(end: Envelope | Exception) -> str:
    """Return `ok`, `refused`, `unauthorized`, `too_many_requests`, `server_error`, `unreadable`, or the failure."""
    if isinstance(end, Exception):
        return {"NotSent": "not_sent", "NoAnswer": "no_answer"}.get(type(end).__name__, "connection_lost")
    if end.status >= 500:
        return "server_error"
    named = {401: "unauthorized", 429: "too_many_requests"}.get(end.status)
    if named or end.code is None:
        return named or "unreadable"
    return "ok" if end.code == 0 else "refused"
