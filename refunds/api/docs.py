"""`/api/schema` and `/api/docs`: the API's description for programs and for people. Anyone may read it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response


class SchemaView(SpectacularAPIView):
    """The description as YAML or JSON."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Django keeps the catalogue of every language it was ever asked for.
        if request.GET.get("lang", settings.LANGUAGE_CODE) not in dict(settings.LANGUAGES):
            raise NotFound
        return super().get(request, *args, **kwargs)


schema = SchemaView.as_view()


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI over the schema, from our own static files."""
    return render(request, "api/docs.html")
