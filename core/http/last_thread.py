"""Keep the last thread of a web process for the probes while the database is silent."""

import threading
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from core.database.time_limits import seems_silent

Handler = Callable[[HttpRequest], HttpResponseBase]

_lock = threading.Lock()
_threads: int | None = None
_under_way = 0


def set_threads(threads: int) -> None:
    """Tell how many threads answer the requests of this process."""
    global _threads
    _threads = threads


def keep_last_thread(get_response: Handler) -> Handler:
    """Answer 503 at once where a request would wait for a silent database in the last free thread."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not _enter():
            message = _("The database cannot be reached. This request refunded nothing; try again in a moment.")
            body = {"message": message, "code": "database_unavailable", "retryable": True}
            return JsonResponse(body, status=503, headers={"Retry-After": "2"})
        try:
            return get_response(request)
        finally:
            _leave()

    return middleware


def _enter() -> bool:
    global _under_way
    with _lock:
        if _threads is not None and _under_way >= max(1, _threads - 1) and seems_silent():
            return False
        _under_way += 1
        return True


def _leave() -> None:
    global _under_way
    with _lock:
        _under_way -= 1
