"""Answer lists in pages, newest first. A cursor is a place between two rows: new and deleted rows shift no page.

DRF's own cursor pagination counts rows of the same time instead, and skips some of them on the way back.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from refunds.errors import InvalidQuery, Violation
from refunds.serialization import PaymentSerializer, RefundSerializer

CURSOR, PAGE_SIZE = "cursor", "page_size"
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100
_MAX_ID = 2**63 - 1
_UTC = timedelta(0)
Row = TypeVar("Row", bound=Model)


class PageSerializer(serializers.Serializer[Any]):
    """One page of a list, newest first; a link is null where there is no other page."""

    next = serializers.URLField(allow_null=True, help_text="The older ones, with the same filters.")
    previous = serializers.URLField(allow_null=True, help_text="The newer ones, with the same filters.")


class PaymentPageSerializer(PageSerializer):
    """One page of payments."""

    results = PaymentSerializer(many=True)


class RefundPageSerializer(PageSerializer):
    """One page of refunds."""

    results = RefundSerializer(many=True)


class RefundListSerializer(serializers.Serializer[Any]):
    """The refunds of one payment, newest first."""

    results = RefundSerializer(many=True)


# Made once: a serializer copies its fields, which takes longer than a short list.
PAYMENT_PAGE, REFUND_PAGE, REFUND_LIST = PaymentPageSerializer(), RefundPageSerializer(), RefundListSerializer()


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place between the row with this time and id and the next older one; `backwards`: the next newer one."""

    at: datetime
    pk: int
    backwards: bool = False

    def __str__(self) -> str:
        text = f"{'<' if self.backwards else '>'}{self.at.isoformat()}/{self.pk}"
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page_of(rows: QuerySet[Row], request: Request, *, at: str, serializer: PageSerializer) -> Response:
    """Answer with the requested page of `rows`, ordered by the field `at` and the id.

    Raises `InvalidQuery` (`invalid_cursor`, `invalid_parameter`).
    """
    size, cursor = _page_size(request), read_cursor(request.query_params.get(CURSOR))
    rows = rows.order_by(at, "pk") if cursor and cursor.backwards else rows.order_by(f"-{at}", "-pk")
    found = list((_beyond(rows, cursor, at) if cursor else rows)[: size + 1])
    has_more, page = len(found) > size, found[:size]
    if cursor and cursor.backwards:
        page.reverse()
        has_newer, has_older = has_more, True
    else:
        has_newer, has_older = cursor is not None, has_more

    def link(row: Row, *, backwards: bool) -> str:
        place = Cursor(getattr(row, at), row.pk, backwards)
        return replace_query_param(request.build_absolute_uri(), CURSOR, str(place))

    found_page = {
        "next": link(page[-1], backwards=False) if page and has_older else None,
        "previous": link(page[0], backwards=True) if page and has_newer else None,
        "results": page,
    }
    return Response(serializer.to_representation(found_page))


def _beyond(rows: QuerySet[Row], cursor: Cursor, at: str) -> QuerySet[Row]:
    """The rows on the other side of the cursor. The second condition implies the first, which can use an index."""
    step = "gt" if cursor.backwards else "lt"
    same_time = Q(**{at: cursor.at, f"pk__{step}": cursor.pk})
    return rows.filter(Q(**{f"{at}__{step}e": cursor.at}), Q(**{f"{at}__{step}": cursor.at}) | same_time)


def _page_size(request: Request) -> int:
    text = request.query_params.get(PAGE_SIZE)
    if text is None:
        return DEFAULT_PAGE_SIZE
    if re.fullmatch(r"[0-9]{1,3}", text) and 1 <= int(text) <= MAX_PAGE_SIZE:
        return int(text)
    message = _("“%(field)s” must be a whole number from 1 to %(max)d.") % {"field": PAGE_SIZE, "max": MAX_PAGE_SIZE}
    raise InvalidQuery((Violation("invalid_parameter", message, PAGE_SIZE),))


def read_cursor(text: str | None) -> Cursor | None:
    """Read a cursor that we wrote. Raises `InvalidQuery` (`invalid_cursor`)."""
    if text is None:
        return None
    try:
        place = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        at, _slash, pk = place[1:].partition("/")
        cursor = Cursor(datetime.fromisoformat(at), int(pk), place[0] == "<")
    except (ValueError, IndexError):
        cursor = None
    # Decoding is lenient: accept only what `str(cursor)` writes.
    if cursor is None or str(cursor) != text or cursor.at.utcoffset() != _UTC or not 0 < cursor.pk <= _MAX_ID:
        message = _("Invalid cursor. Follow “next” and “previous”, or start without a cursor.")
        raise InvalidQuery((Violation("invalid_cursor", message, CURSOR),))
    return cursor
