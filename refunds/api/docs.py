"""`/api/schema` and `/api/docs`: the API's description for programs and for people. Anyone may read it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from refunds.api.errors import method_not_allowed

# Swagger UI draws with styles of its own and icons in data URLs; scripts come from our files only.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class SchemaView(SpectacularAPIView):
    """The description as YAML, or as JSON with `?format=json`."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.exception:  # errors are JSON here as everywhere
            response.accepted_renderer, response.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return response


schema = SchemaView.as_view()


@csrf_exempt
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI over the schema, from our own static files."""
    return _docs(request) if request.method in ("GET", "HEAD") else method_not_allowed(request, "GET, HEAD")


@ensure_csrf_cookie
def _docs(request: HttpRequest) -> HttpResponse:
    # Everything can be tried out on a developer's machine; elsewhere a page of documentation moves no money.
    methods = "get post" if settings.DEBUG else "get"
    names = {"methods": methods, "csrf_cookie": settings.CSRF_COOKIE_NAME}
    response = render(request, "api/docs.html", names)
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
