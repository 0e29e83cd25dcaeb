"""Middleware that limits bodies, reads those that come in chunks, and lets files pass only to pages that take them."""

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Never, TypeVar

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler, MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError

from core.permissions import AnyUser

View = TypeVar("View", bound=Callable[..., Any])
Predicate = Callable[[AnyUser], bool]


class LengthRequired(BadRequest):
    """The body comes in chunks, and this server does not say where it ends (411)."""


class NoFiles(FileUploadHandler):
    """Reject every file. The handler of all pages that do not take uploads."""

    def new_file(self, *_arguments: Any, **_options: Any) -> Never:
        raise TooManyFilesSent("Files are not accepted here.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None: ...

    def file_complete(self, file_size: int) -> None: ...


def takes_upload(may: Predicate, *, too_large: Callable[[HttpRequest], HttpResponse]) -> Callable[[View], View]:
    """Mark a view that takes a file and a large form, from users for whom `may` is true.

    `too_large` shows them the form again, without what they sent.
    """

    def mark(view: View) -> View:
        view.may_upload, view.too_large = may, too_large  # type: ignore[attr-defined]  # survives `wraps`
        return view

    return mark


class BodyLimit:
    """Reject a body by its Content-Length, before reading any of it.

    The limit is MAX_BODY_BYTES, and MAX_UPLOAD_BYTES for a view that takes an upload from this user. Django takes a
    body in chunks for an empty one, so such a body is read here, up to the smaller limit.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Raise `LengthRequired` (411), or `BadRequest` (400) or `RequestDataTooBig` (413) for a body in chunks."""
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            _read_chunks(request)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], *_arguments: object) -> HttpResponse | None:
        """Answer 413 for a body above the view's limit. Nothing has read the body before.

        Raises `RequestDataTooBig` unless this user may upload here: they see the form again.
        """
        may_upload: Predicate | None = getattr(view, "may_upload", None)
        is_upload = request.method == "POST" and may_upload is not None and may_upload(request.user)
        limit = settings.MAX_UPLOAD_BYTES if is_upload else settings.MAX_BODY_BYTES
        if is_upload:
            request.upload_handlers = [MemoryFileUploadHandler(request)]
        length = request.META.get("CONTENT_LENGTH") or "0"
        # Python's server passes on any header value, also one that is not a number.
        if not length.isdecimal() or int(length) <= limit:
            return None
        if not is_upload:
            raise RequestDataTooBig("The body is larger than the limit of this page.")
        _discard_body(request)
        page: HttpResponse = view.too_large(request)  # type: ignore[attr-defined]  # `takes_upload` sets it
        return page


def _discard_body(request: HttpRequest) -> None:
    """Read at most 64 MiB and keep nothing: a browser shows no answer that comes while it still sends."""
    with suppress(UnreadablePostError):
        for _piece in range(1024):
            if not request.read(64 << 10):
                return


def _read_chunks(request: HttpRequest) -> None:
    """Replace the body in chunks by one whose length is known; of one that is too large, read no more than shows it."""
    if not request.META.get("wsgi.input_terminated"):
        raise LengthRequired("Chunks are not accepted by this server. Send a Content-Length.")
    try:
        body = request.META["wsgi.input"].read(settings.MAX_BODY_BYTES + 1)
    except Exception as exc:
        # gunicorn's errors about chunks and trailers have no common class.
        raise BadRequest("the body was not received completely") from exc
    if len(body) > settings.MAX_BODY_BYTES:
        raise RequestDataTooBig("The body is larger than settings.MAX_BODY_BYTES.")
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = io.BytesIO(body)  # noqa: SLF001 - Django reads the body from it
