"""Middleware that rejects bodies above MAX_BODY_BYTES, and reads bodies that come in chunks."""

import io
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponse


class LengthRequired(BadRequest):
    """The body comes in chunks, and this server does not say where it ends (411)."""


class BodyLimit:
    """Reject a body by its Content-Length, before reading any of it.

    Django takes a body in chunks for an empty one, so such a body is read here, up to the limit.
    DATA_UPLOAD_MAX_NUMBER_FILES rejects files in smaller bodies.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Raise `RequestDataTooBig` (413) for a body that is too large, `LengthRequired` (411), `BadRequest` (400)."""
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            _read_chunks(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        # Python's server passes on any header value, also one that is not a number.
        if length.isdecimal() and int(length) > settings.MAX_BODY_BYTES:
            raise RequestDataTooBig("The body is larger than settings.MAX_BODY_BYTES.")
        return self.get_response(request)


def _read_chunks(request: HttpRequest) -> None:
    """Replace the body in chunks by one whose length is known; of one that is too large, read no more than shows it."""
    if not request.META.get("wsgi.input_terminated"):
        raise LengthRequired("Chunks are not accepted by this server. Send a Content-Length.")
    try:
        body = request.META["wsgi.input"].read(settings.MAX_BODY_BYTES + 1)
    except Exception as exc:
        # gunicorn's errors about chunks and trailers have no common class.
        raise BadRequest("the body was not received completely") from exc
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = io.BytesIO(body)  # noqa: SLF001 - Django reads the body from it
