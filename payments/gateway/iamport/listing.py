"""List payments by time or by order.

By time i'mport answers for 90 days at most. Its pages are numbered, so they can shift during the listing.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from payments.gateway.base import GatewayPayment, PaymentPage, StatusFilter
from payments.gateway.errors import PaymentUnknown
from payments.gateway.iamport.mapping import payments_from
from payments.gateway.iamport.text import text
from payments.gateway.iamport.wire import Call, Unreadable

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 90 * 24 * 3600
PAGE_SIZE = 200  # i'mport allows 1000; this keeps an answer small enough to come quickly
MAX_RESTARTS = 3
_MOST_PAGES_OF_AN_ORDER = 5


class _Page(NamedTuple):
    payments: tuple[GatewayPayment, ...] = ()
    unreadable: tuple[str, ...] = ()
    total: int = 0
    next: int = 0  # the number of the next page; 0 if there is none


Ask = Callable[[Call, Callable[[Any], _Page]], _Page]


def pages_between(ask: Ask, start: datetime, end: datetime, status: StatusFilter) -> Iterator[PaymentPage]:
    """Return the pages of every window in [start, end], oldest window first, with each payment once per window.

    `ask` makes one call and maps its `response`. Raises `ValueError` for naive times, at once.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("start and end must be aware datetimes")
    return _pages_of_windows(ask, int(start.timestamp()), int(end.timestamp()), status)


def payments_of_order(ask: Ask, merchant_uid: str) -> list[GatewayPayment]:
    """Return the payments of an order, newest first: each try to pay is one."""
    if "/" in merchant_uid:  # in a path, it would name another resource
        call = Call("order", "GET", "/payments", params=(("merchant_uid[]", merchant_uid),))
        named = _read(ask, call, lambda raw: _Page(*payments_from(raw)))
        return [shown for shown in named.payments if shown.merchant_uid == merchant_uid]
    path = f"/payments/findAll/{quote(merchant_uid, safe='', errors='replace')}"
    found: dict[str, GatewayPayment] = {}
    page = 1
    while 0 < page <= _MOST_PAGES_OF_AN_ORDER:
        params = (("page", str(page)), ("limit", str(PAGE_SIZE)), ("sorting", "-started"))
        read = _read(ask, Call("order", "GET", path, params=params))
        found |= {shown.imp_uid: shown for shown in read.payments if shown.merchant_uid == merchant_uid}
        page = read.next if read.next > page else 0
    return list(found.values())


def _pages_of_windows(ask: Ask, first: int, last: int, status: StatusFilter) -> Iterator[PaymentPage]:
    """Read in windows of whole seconds, both ends included. No second is in two windows."""
    for start in range(first, last + 1, WINDOW_SECONDS):
        yield from _pages(ask, start, min(start + WINDOW_SECONDS - 1, last), status)


def _pages(ask: Ask, first: int, last: int, status: StatusFilter) -> Iterator[PaymentPage]:
    """Yield the pages of one window.

    Start again if payments left the window meanwhile (one that is cancelled gets a new time): the rest then moved up,
    perhaps past the page that was about to be read. New ones only lengthen the end. A payment that moves within the
    window goes unnoticed: whoever lists up to now has to list the last part again later.
    """
    seen: set[str] = set()
    page, total_before, restarts = 1, 0, 0
    while page:
        found = _read(ask, _call(first, last, status, page))
        # The last try takes the pages as they come: a listing that keeps shifting must not be read for ever.
        if found.total < total_before and restarts < MAX_RESTARTS:
            logger.info("Payments left the listing while it was read; reading it again")
            page, total_before, restarts = 1, 0, restarts + 1
            continue
        yield PaymentPage(
            payments=tuple(payment for payment in found.payments if payment.imp_uid not in seen),
            window_start=datetime.fromtimestamp(first, tz=UTC),
            total=found.total,
            unreadable=tuple(uid for uid in found.unreadable if uid not in seen),
        )
        seen.update(payment.imp_uid for payment in found.payments)
        seen.update(found.unreadable)
        page, total_before = (found.next if found.next > page else 0), found.total


def _call(first: int, last: int, status: StatusFilter, page: int) -> Call:
    params = {
        "page": str(page),
        "limit": str(PAGE_SIZE),
        "from": str(first),
        "to": str(last),
        "sorting": "updated",  # oldest change first, so whatever happens meanwhile comes after what was read
    }
    return Call("listing", "GET", f"/payments/status/{status}", params=tuple(params.items()))


def _page_from(raw: Any) -> _Page:
    if not isinstance(raw, dict):
        raise Unreadable("a page of payments is not an object")
    items = raw.get("list") or []
    payments, unreadable = payments_from(items)
    return _Page(payments, unreadable, _count(raw.get("total")), _count(raw.get("next")) if items else 0)


def _read(ask: Ask, call: Call, mapping: Callable[[Any], _Page] = _page_from) -> _Page:
    """Read one page; an empty one if i'mport answers that there is none."""
    read_at = datetime.now(UTC)
    try:
        page = ask(call, mapping)
    except PaymentUnknown as exc:
        logger.info("%s: nothing (%s)", call.path, exc.message)
        return _Page()
    return page._replace(payments=tuple(replace(payment, read_at=read_at) for payment in page.payments))


def _count(value: object) -> int:
    """Return a number of payments or of a page, also from text; 0 for anything else."""
    return int(digits) if (digits := text(value)).isascii() and digits.isdigit() and len(digits) < 10 else 0
