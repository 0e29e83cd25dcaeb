"""`/api/schema` and `/api/docs`: the API's description for programs and for people. Anyone may read it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularAPIView

schema = SpectacularAPIView.as_view()


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI over the schema, from our own static files."""
    return render(request, "api/docs.html")
