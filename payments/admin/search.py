"""Find payments among millions: searches that use an index, and pages that count no further than people look."""

import re
from typing import Any

from django.db.models import CharField, Model, Q, QuerySet
from django.db.models.lookups import StartsWith
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList

from payments.models import Payment

# What staff have at hand: a number from a mail, a name or telephone number from a call.
SEARCHED = ("merchant_uid", "imp_uid", "buyer_name", "buyer_email", "buyer_tel")
COUNTED_AT_MOST = 1_000
FEW = 500
_TEL = re.compile(r"0\d{7,10}", re.ASCII)


@CharField.register_lookup
class Prefix(StartsWith):
    """`field__prefix="abc"`: begins with, as written. SQLite uses no index for its LIKE, so it gets a range."""

    lookup_name = "prefix"

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        return str(connection.operators["startswith"] % rhs)

    def as_sqlite(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        start = str(self.rhs)
        return f"({column} >= %s AND {column} < %s)", (*params, start, *params, f"{start}\U0010ffff")


def matching(text: str, *fields: str) -> Q:
    """Rows of which one of these fields begins with `text`."""
    query = Q()
    for field in fields:
        for spelling in _spellings(text) if field.endswith("buyer_tel") else [text]:
            query |= Q(**{f"{field}__prefix": spelling})
    return query


def search_payments(payments: QuerySet[Payment], text: str) -> QuerySet[Payment]:
    """The payments whose order, payment number, buyer's name, e-mail or telephone begins with `text`.

    The few that most searches mean are looked up first: asked for in order of payment as well, databases tend
    to walk through all payments in that order instead. For a beginning that many share, that is the quick way.
    """
    wanted = text.strip()
    if not wanted:
        return payments
    matches = matching(wanted, *SEARCHED)
    found = list(Payment.objects.filter(matches).order_by().values_list("pk", flat=True)[: FEW + 1])
    return payments.filter(pk__in=found) if len(found) <= FEW else payments.filter(matches)


def _spellings(tel: str) -> list[str]:
    """A telephone number as typed, and with and without the hyphens it may be stored with."""
    digits = re.sub(r"[\s-]", "", tel)
    if not _TEL.fullmatch(digits):
        return [tel]
    head = 2 if digits.startswith("02") else 3
    hyphened = f"{digits[:head]}-{digits[head:-4]}-{digits[-4:]}"
    return list(dict.fromkeys([tel, digits, hyphened]))


class BrowsingPaginator(InfinitePaginator):  # type: ignore[misc]  # the theme ships no types
    """Previous and next without counting the table: rows are counted up to `COUNTED_AT_MOST` only."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Model] = self.object_list
        return rows.order_by()[:COUNTED_AT_MOST].count()

    @cached_property
    def num_pages(self) -> int:
        return COUNTED_AT_MOST * int(self.per_page)  # further than anybody pages; the last pages are empty


class BrowsingChangeList(ChangeList):  # type: ignore[misc]  # the theme ships no types
    """A list that does not say "3 of 2,000,000", which would count the table."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count

    @property
    def count_in_words(self) -> str:
        more = "+" if self.result_count >= COUNTED_AT_MOST else ""
        return f"{self.result_count:,}{more}"
