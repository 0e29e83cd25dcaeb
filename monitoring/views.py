"""`/healthz`, `/readyz` and `/metrics`, for load balancers, deploy scripts and Prometheus."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from monitoring.collectors import exposition
from monitoring.readiness import is_ready, verdicts


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - every view takes a request
    """Answer 200 while the process runs.

    Checks nothing else: a restart would not repair the database, but it would interrupt refunds.
    """
    return JsonResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - every view takes a request
    """Answer 200 if everything that refunds need works, else 503. The body contains no host name and no secret."""
    checks = verdicts()
    ready = is_ready(checks)
    return JsonResponse(
        {"status": "ready" if ready else "unready", "checks": checks},
        status=200 if ready else 503,
        headers={"Cache-Control": "no-store"},
    )


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with Prometheus' text if the request has METRICS_TOKEN; 404 if the setting is empty."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
