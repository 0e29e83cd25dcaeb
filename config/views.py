"""Liveness for load balancers and deploy scripts, and what the admin theme gets wrong."""

import logging

from django.contrib import admin
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse

logger = logging.getLogger(__name__)


def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - every view takes a request
    """200 while the database answers, 503 otherwise; i'mport being down does not make us unhealthy."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.exception("health check: the database does not answer")
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    return JsonResponse({"status": "ok"})


def admin_search(request: HttpRequest) -> HttpResponse:
    """The theme's search of the admin's sections. They fill one page, and the theme fails when asked for another."""
    if request.GET.get("page", "1") != "1":
        raise Http404
    response: HttpResponse = admin.site.search(request)  # type: ignore[attr-defined]  # the theme's own site has it
    return response
