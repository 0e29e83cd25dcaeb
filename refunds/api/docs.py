"""`/api/schema` and `/api/docs`: the API's description for programs and for people. Anyone may read it."""

from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import NotFound
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from refunds.api.errors import method_not_allowed


class SchemaView(SpectacularAPIView):
    """The description as YAML, or as JSON with `?format=json`."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Django keeps the catalogue of every language it was ever asked for.
        if request.GET.get("lang", settings.LANGUAGE_CODE) not in dict(settings.LANGUAGES):
            raise NotFound
        return cast(Response, super().get(request, *args, **kwargs))  # type: ignore[no-untyped-call]

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
    return render(request, "api/docs.html", names)
