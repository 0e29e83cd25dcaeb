"""Middleware for request ids, the access log, request times and the probes."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve
from prometheus_client import Histogram

from core.http.client_ip import client_address
from core.request_ids import HEADER, is_well_formed
from monitoring.multiprocess import measure
from monitoring.routes import STATIC, account_of, method_of, route_of

logger = logging.getLogger("monitoring.access")

Handler = Callable[[HttpRequest], HttpResponseBase]

REQUESTS = Histogram(
    "refund_desk_http_request_seconds",
    "Time until the response starts, by route, method and status.",
    ("route", "method", "status"),
    buckets=(0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=None,
)
PROBES = "monitoring.urls"


def strict_request_ids(get_response: Handler) -> Handler:
    """Drop a malformed request id header before django-guid reads it."""
    name = f"HTTP_{HEADER.upper().replace('-', '_')}"

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not is_well_formed(request.META.get(name)):
            request.META.pop(name, None)
        return get_response(request)

    return middleware


def access_log(get_response: Handler) -> Handler:
    """Log and measure each request by its route, never by its path, which contains an order number."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        response = get_response(request)
        _note(request, response.status_code, time.monotonic() - started)
        return response

    return middleware


def _note(request: HttpRequest, status: int, seconds: float) -> None:
    route, method = route_of(request), method_of(request)
    is_probe = hasattr(request, "probe")
    if not is_probe:
        measure(lambda: REQUESTS.labels(route, method, str(status)).observe(seconds))
    milliseconds = round(seconds * 1000)
    fields = {
        "method": method,
        "route": route,
        "status": status,
        "ms": milliseconds,
        "address": str(client_address(request) or ""),
        **account_of(request),
    }
    # Probes come every few seconds, and a page loads about twenty static files.
    routine = status < 500 and (route == STATIC or is_probe)
    level = logging.DEBUG if routine else logging.INFO
    logger.log(level, "%s %s %s %d ms", method, route, status, milliseconds, extra=fields)


def probes(get_response: Handler) -> Handler:
    """Answer the probes before any middleware that could reject them: they use plain HTTP and an IP address as host."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        match = _probe(request.path_info)
        if match is None:
            return get_response(request)
        request.probe = match.url_name  # type: ignore[attr-defined]
        return match.func(request, *match.args, **match.kwargs)  # type: ignore[no-any-return]

    return middleware


def _probe(path: str) -> ResolverMatch | None:
    try:
        return resolve(path, urlconf=PROBES)
    except Resolver404:
        return None
