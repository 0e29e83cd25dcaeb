"""`/api/schema` and `/api/docs`: the API's description for programs and for people. Anyone may read it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularAPIView

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

schema = SpectacularAPIView.as_view()


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI over the schema, from our own static files."""
    response = render(request, "api/docs.html")
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
