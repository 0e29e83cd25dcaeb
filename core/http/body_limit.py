"""Middleware that rejects bodies above MAX_BODY_BYTES before reading them."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse


class BodyLimit:
    """Reject a body by its Content-Length, before reading any of it.

    A body without a length is empty to Django. DATA_UPLOAD_MAX_NUMBER_FILES rejects files in smaller bodies.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Raise `RequestDataTooBig` (413) for a body that is too large."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        # Python's server passes on any header value, also one that is not a number.
        if length.isdecimal() and int(length) > settings.MAX_BODY_BYTES:
            raise RequestDataTooBig("The body is larger than settings.MAX_BODY_BYTES.")
        return self.get_response(request)
