"""List payments by time: i'mport answers for 90 days at most, in pages that can shift during the listing."""

import logging
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from typing import Any

from payments.gateway.base import PaymentPage, StatusFilter
from payments.gateway.iamport.mapping import payments_from
from payments.gateway.iamport.wire import Call, Unreadable

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 90 * 24 * 3600
PAGE_SIZE = 200  # i'mport allows 1000; this keeps an answer small enough to come quickly
MAX_RESTARTS = 3


def pages_between(
    read: Callable[[Call], Any], start: datetime, end: datetime, status: StatusFilter
) -> Iterator[PaymentPage]:
    """Return the pages of every window in [start, end], oldest window first, with each payment once per window.

    `read` makes one call and returns its `response`. Raises `ValueError` for naive times, at once.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("start and end must be aware datetimes")
    return _pages_of_windows(read, _windows(int(start.timestamp()), int(end.timestamp())), status)


def _windows(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield windows of whole seconds, both ends included. No second is in two windows."""
    while first <= last:
        window_end = min(first + WINDOW_SECONDS - 1, last)
        yield first, window_end
        first = window_end + 1


def _pages_of_windows(
    read: Callable[[Call], Any], windows: Iterator[tuple[int, int]], status: StatusFilter
) -> Iterator[PaymentPage]:
    for first, last in windows:
        seen: set[str] = set()
        for restarts in range(MAX_RESTARTS + 1):
            # The last try takes the pages as they come: a listing that keeps shifting must not be read for ever.
            stable = yield from _pages(read, first, last, status, seen, until_shift=restarts < MAX_RESTARTS)
            if stable:
                break
            logger.info("Payments left the listing while it was read; reading it again")


def _pages(
    read: Callable[[Call], Any],
    first: int,
    last: int,
    status: StatusFilter,
    seen: set[str],
    *,
    until_shift: bool,
) -> Generator[PaymentPage, None, bool]:
    """Yield the pages of one window, without the payments in `seen`.

    The return value is False if payments left the window meanwhile (one that is cancelled gets a new time):
    the rest then moved up, perhaps past the page that was about to be read. New ones only lengthen the end.
    """
    page, total_before = 1, 0
    while True:
        document = _document(read(_call(first, last, status, page)))
        total = _whole(document.get("total"))
        if until_shift and total < total_before:
            return False
        payments = payments_from(document.get("list"))
        yield PaymentPage(
            payments=tuple(payment for payment in payments if payment.imp_uid not in seen),
            window_start=datetime.fromtimestamp(first, tz=UTC),
            window_end=datetime.fromtimestamp(last, tz=UTC),
            page=page,
            total=total,
        )
        seen.update(payment.imp_uid for payment in payments)
        if not document.get("list") or _whole(document.get("next")) <= page:
            return True
        page, total_before = page + 1, total


def _call(first: int, last: int, status: StatusFilter, page: int) -> Call:
    params = {
        "page": str(page),
        "limit": str(PAGE_SIZE),
        "from": str(first),
        "to": str(last),
        "sorting": "updated",  # oldest change first, so whatever happens meanwhile comes after what was read
    }
    return Call("GET", f"/payments/status/{status}", params=tuple(params.items()))


def _document(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise Unreadable("a page of payments is not an object")
    return raw


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0
