"""Answer lists in pages, newest first. A cursor is a place between two rows: new and deleted rows shift no page.

DRF's own cursor pagination counts rows of the same time instead, and skips some of them on the way back.
"""

from datetime import datetime
from typing import Any, TypeVar

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from refunds.errors import InvalidQuery, Violation
from refunds.serialization import ApprovalSerializer, PaymentSerializer, ReasonSerializer, RefundSerializer

_SALT = "refunds.api.cursor"
Row = TypeVar("Row", bound=Model)
Cursor = tuple[datetime, int, bool]  # time, id, backwards
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100


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


class ApprovalPageSerializer(PageSerializer):
    """One page of requests for approval."""

    results = ApprovalSerializer(many=True)


class RefundListSerializer(serializers.Serializer[Any]):
    """The refunds of one payment, newest first."""

    results = RefundSerializer(many=True)


class ReasonListSerializer(serializers.Serializer[Any]):
    """The reasons in use, in the shop's order."""

    results = ReasonSerializer(many=True)


# Made once: a serializer copies its fields, which takes longer than a short list.
APPROVAL_PAGE = ApprovalPageSerializer()
PAYMENT_PAGE, REFUND_PAGE, REFUND_LIST = PaymentPageSerializer(), RefundPageSerializer(), RefundListSerializer()
REASON_LIST = ReasonListSerializer()


def page_of(rows: QuerySet[Row], request: Request, *, at: str, serializer: PageSerializer) -> Response:
    """Answer with the requested page of `rows`, ordered by the field `at` and the id.

    Raises `InvalidQuery` (`invalid_cursor`).
    """
    size = int(request.query_params.get("page_size", DEFAULT_PAGE_SIZE))
    cursor = _read_cursor(request.query_params["cursor"]) if "cursor" in request.query_params else None
    backwards = cursor is not None and cursor[2]
    rows = rows.order_by(at, "pk") if backwards else rows.order_by(f"-{at}", "-pk")
    found = list((_beyond(rows, cursor, at) if cursor else rows)[: size + 1])
    has_more, page = len(found) > size, found[:size]
    if backwards:
        page.reverse()
    has_newer, has_older = (has_more, True) if backwards else (cursor is not None, has_more)

    def link(row: Row, *, backwards: bool) -> str:
        place = write_cursor(getattr(row, at), row.pk, backwards=backwards)
        return replace_query_param(request.build_absolute_uri(), "cursor", place)

    found_page = {
        "next": link(page[-1], backwards=False) if page and has_older else None,
        "previous": link(page[0], backwards=True) if page and has_newer else None,
        "results": page,
    }
    return Response(serializer.to_representation(found_page))


def write_cursor(at: datetime, pk: int, *, backwards: bool = False) -> str:
    """Write the place between the row with this time and id and the next older one; `backwards`: the next newer one."""
    return signing.dumps((at.isoformat(), pk, backwards), salt=_SALT)


def _read_cursor(text: str) -> Cursor:
    try:
        at, pk, backwards = signing.loads(text, salt=_SALT)
    except signing.BadSignature as exc:
        raise invalid_cursor() from exc
    return datetime.fromisoformat(at), pk, backwards


def invalid_cursor() -> InvalidQuery:
    message = _("Invalid cursor. Follow “next” and “previous”, or start without a cursor.")
    return InvalidQuery((Violation("invalid_cursor", message, "cursor"),))


def _beyond(rows: QuerySet[Row], cursor: Cursor, at: str) -> QuerySet[Row]:
    """The rows on the other side of the cursor. The second condition implies the first, which can use an index."""
    time, pk, backwards = cursor
    step = "gt" if backwards else "lt"
    same_time = Q(**{at: time, f"pk__{step}": pk})
    return rows.filter(Q(**{f"{at}__{step}e": time}), Q(**{f"{at}__{step}": time}) | same_time)
