"""Reject requests with NUL characters or an incomplete body (400)."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.http.request import UnreadablePostError

NUL = "\x00"


class RefuseUnreadable:
    """Answer 400 to a NUL character in a query or a cookie, and to a body that was not received completely.

    PostgreSQL accepts no NUL in a text: a session key, a search or a filter with one would fail.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        texts = [
            *request.COOKIES.values(),
            *request.GET.keys(),
            *(text for _, all_ in request.GET.lists() for text in all_),
        ]
        if any(NUL in str(text) for text in texts):
            raise BadRequest("a NUL character")
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        if isinstance(exception, UnreadablePostError):
            raise BadRequest("the body was not received completely") from exception
