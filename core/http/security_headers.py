"""Security headers of every response: content policy, permissions, caching."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "camera",
        "display-capture",
        "geolocation",
        "microphone",
        "payment",
        "publickey-credentials-get",
        "usb",
    )
)
# Django's debug pages are full of inline styles and scripts.
_DEBUG_PAGES = {404, 500}


class SecurityHeaders:
    """Set the headers that Django does not set. It is the first middleware, so that every response has them.

    `settings.CONTENT_SECURITY_POLICIES` has the policy of each path; views set none of their own.
    """

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
    """Return the first policy whose pattern matches the path."""
    return next(str(policy) for pattern, policy in settings.CONTENT_SECURITY_POLICIES if pattern.match(path))
