"""Security headers of every response: content policy, permissions, caching."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

# No policy allows inline scripts. `tests/browser/test_content_policy.py` checks all pages in a browser.
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# The theme uses Alpine, which compiles the expressions in its attributes, and sets the width of the action bar as a
# style attribute; <style> elements stay forbidden.
ADMIN = STRICT.replace("script-src 'self'", "script-src 'self' 'unsafe-eval'") + "; style-src-attr 'unsafe-inline'"
# Swagger UI embeds its icons as data URLs.
DOCS = STRICT.replace("img-src 'self'", "img-src 'self' data:").replace("form-action 'self'", "form-action 'none'")
PERMISSIONS = (
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()"
)
# Django's debug pages are full of inline styles and scripts.
_DEBUG_PAGES = {404, 500}


class SecurityHeaders:
    """Set the headers that Django does not set. It is the first middleware, so that every response has them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not (settings.DEBUG and response.status_code in _DEBUG_PAGES):
            response["Content-Security-Policy"] = _policy(request.path_info)
        response["Permissions-Policy"] = PERMISSIONS
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        # Almost every page has personal data; static files have a header of their own.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def _policy(path: str) -> str:
    if path == "/admin" or path.startswith("/admin/"):
        return ADMIN
    return DOCS if path.rstrip("/") == "/api/docs" else STRICT
