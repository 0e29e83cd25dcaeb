"""Nobody uploads anything here, so nothing large is read, wherever it is sent."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse


class BodyLimit:
    """Refuses a body by its announced length, before anybody reads a byte of it.

    A body without a length is empty to Django. Files in smaller bodies are refused by DATA_UPLOAD_MAX_NUMBER_FILES.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Raises `RequestDataTooBig`."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        # Python's server passes on whatever it was sent; what is no number is no length.
        if length.isdecimal() and int(length) > settings.MAX_BODY_BYTES:
            raise RequestDataTooBig("The body is larger than settings.MAX_BODY_BYTES.")
        return self.get_response(request)
