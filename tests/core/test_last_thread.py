"""While the database is silent, requests leave the last thread of a process to the probes."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from core.http import last_thread


@pytest.fixture(autouse=True)
def no_limit() -> Iterator[None]:
    yield
    last_thread._threads = None
    assert last_thread._under_way == 0


def status_beside(others: int) -> int:
    """Return the status of a request that comes while so many others are under way."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        if not others_left:
            return HttpResponse()
        others_left.pop()
        return middleware(request)

    others_left = [None] * others
    middleware = last_thread.keep_last_thread(respond)
    return middleware(HttpRequest()).status_code


@pytest.mark.parametrize(
    ("threads", "others", "status"), [(8, 6, 200), (8, 7, 503), (2, 0, 200), (2, 1, 503), (1, 0, 200), (None, 50, 200)]
)
def test_the_last_thread_is_not_taken_while_the_database_is_silent(
    threads: int | None, others: int, status: int
) -> None:
    last_thread._threads = threads
    with patch.object(last_thread, "seems_silent", return_value=True):
        assert status_beside(others) == status


def test_every_thread_is_taken_while_the_database_answers() -> None:
    last_thread.set_threads(2)
    assert status_beside(5) == 200


def test_a_failed_request_gives_its_thread_back() -> None:
    def fail(_request: HttpRequest) -> HttpResponseBase:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        last_thread.keep_last_thread(fail)(HttpRequest())
