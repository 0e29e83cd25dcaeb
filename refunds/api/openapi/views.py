"""Serve the API's description to anyone: `/api/schema` for programs, `/api/docs` for people."""

from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from refunds.api.error_pages import method_not_allowed

# Building is slow and not thread-safe: drf-spectacular loads its parts on first use.
_one_at_a_time = Lock()


@cache
def description(form: str) -> bytes:
    """Render the description as `json` or `yaml`. It is English, whoever asks."""
    renderer = OpenApiJsonRenderer() if form == "json" else OpenApiYamlRenderer()
    with translation.override("en"):
        document = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
        written: bytes = renderer.render(document)
    return written


class SchemaView(SpectacularAPIView):
    """The description as YAML, or as JSON with `?format=json`."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer = request.accepted_renderer
        with _one_at_a_time:
            body = description(renderer.format)
        content_type = f"{renderer.media_type}; charset={renderer.charset}" if renderer.charset else renderer.media_type
        headers = {"Content-Disposition": f'inline; filename="{spectacular_settings.TITLE}.{renderer.format}"'}
        return HttpResponse(body, content_type=content_type, headers=headers)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(response, Response):  # errors are JSON, as everywhere
            response.accepted_renderer, response.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return response


schema = SchemaView.as_view()


@csrf_exempt
def docs(request: HttpRequest) -> HttpResponse:
    """Show the schema in Swagger UI, from our own static files."""
    return _docs(request) if request.method in ("GET", "HEAD") else method_not_allowed(request, "GET, HEAD")


@ensure_csrf_cookie
def _docs(request: HttpRequest) -> HttpResponse:
    # With DEBUG, refunds can be tried out; elsewhere the documentation moves no money.
    methods = "get post" if settings.DEBUG else "get"
    names = {"methods": methods, "csrf_cookie": settings.CSRF_COOKIE_NAME}
    return render(request, "api/docs.html", names)
