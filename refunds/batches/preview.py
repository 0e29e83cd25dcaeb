"""Tell what a checked batch would refund: counts and sums, the shop's own cost, warnings and problems.

Test payments count as orders, and in no sum.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from core.sentences import unpacked
from refunds.models import RefundBatch, RefundBatchItem

LINES = 100  # of a page
# Of an order, in major units of its payment's currency. Before the check it may be unknown.
AMOUNT = Coalesce("amount", "expected_balance", Decimal(0))
_REAL = Q(payment__sandbox=False)


@dataclass(frozen=True, slots=True)
class Sums:
    """Some orders that would be refunded. `fees` in won; `total` in major units of `currency`."""

    currency: str
    pay_method: str
    pg_provider: str
    orders: int
    total: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class WarningGroup:
    """The orders that have this warning, with the message of one of them, and their sum per currency."""

    code: str
    message: str
    orders: int
    totals: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """The orders that are excluded for this reason, with the message of one of them."""

    code: str
    message: str
    orders: int


@dataclass(frozen=True, slots=True)
class BatchPreview:
    """What would be refunded if the batch were started now. Sums are in major units, by currency."""

    rows: int  # of the sheet or selection
    orders: int  # to be refunded
    test_orders: int  # of them, test payments
    partial_orders: int  # of them, those that leave something
    totals: dict[str, Decimal]
    fees: Decimal  # won
    sums: tuple[Sums, ...]  # per method, PG and currency; the largest count first
    warnings: tuple[WarningGroup, ...]
    problems: tuple[ProblemGroup, ...]

    @property
    def excluded(self) -> int:
        return self.rows - self.orders


def preview_of(batch: RefundBatch) -> BatchPreview:
    """Add up a checked batch in four statements."""
    sums = tuple(_sums(batch))
    items = ready_items(batch)
    counts = batch.items.aggregate(
        rows=Count("pk"),
        orders=Count("pk", filter=Q(excluded=False)),
        test=Count("pk", filter=Q(excluded=False) & ~_REAL),
        partial=Count("pk", filter=Q(excluded=False, amount__lt=F("expected_balance"))),
    )
    return BatchPreview(
        rows=counts["rows"],
        orders=counts["orders"],
        test_orders=counts["test"],
        partial_orders=counts["partial"],
        totals=_added((one.currency, one.total) for one in sums),
        fees=sum((one.fees for one in sums), Decimal(0)),
        sums=sums,
        warnings=tuple(_warning_groups(items)),
        problems=tuple(_problem_groups(batch)),
    )


def ready_items(batch: RefundBatch) -> QuerySet[RefundBatchItem]:
    """Return the orders that a start refunds."""
    return batch.items.filter(excluded=False)


def totals_of(batch: RefundBatch) -> dict[str, Decimal]:
    """Return the sum that a start refunds, per currency."""
    found = ready_items(batch).filter(_REAL).values_list("payment__currency").annotate(total=Sum(AMOUNT)).order_by()
    return dict(found)


def warning_codes(batch: RefundBatch) -> set[str]:
    """Return the codes of all warnings of the orders that a start refunds."""
    return {warning["code"] for warnings in _warnings(ready_items(batch)) for warning in warnings}


def stored_warnings(batch: RefundBatch) -> list[dict[str, str]]:
    """Return the warnings of the orders that a start refunds as they are stored: of each code that of one order."""
    found = {warning["code"]: warning for warnings in _warnings(ready_items(batch)) for warning in warnings}
    return list(found.values())


def items_with_warning(batch: RefundBatch, code: str) -> list[int]:
    """Return the ids of the orders of a start that have this warning."""
    found = ready_items(batch).exclude(warnings=[]).values_list("pk", "warnings")
    return [pk for pk, warnings in found.iterator() if any(warning["code"] == code for warning in warnings)]


def problem_lines(batch: RefundBatch, page: int | str = 1) -> Page[RefundBatchItem]:
    """Return a page of the excluded orders, in the order of the sheet."""
    excluded = batch.items.filter(excluded=True).select_related("payment").order_by("line", "pk")
    return Paginator(excluded, LINES).get_page(page)


def _sums(batch: RefundBatch) -> Iterator[Sums]:
    by = ("payment__currency", "payment__pay_method", "payment__pg_provider")
    found = ready_items(batch).filter(_REAL).values_list(*by)
    for row in found.annotate(orders=Count("pk"), total=Sum(AMOUNT), fees=Sum("fee")).order_by("-orders", *by):
        yield Sums(*row)


def _warnings(items: QuerySet[RefundBatchItem]) -> Iterable[list[dict[str, str]]]:
    return items.exclude(warnings=[]).values_list("warnings", flat=True).iterator()


def _warning_groups(items: QuerySet[RefundBatchItem]) -> Iterator[WarningGroup]:
    """Yield the groups by their number of orders: a database cannot look into the list on SQLite."""
    messages: dict[str, str] = {}
    orders: dict[str, int] = defaultdict(int)
    sums: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    found = items.exclude(warnings=[]).values_list(
        "warnings", AMOUNT, "payment__currency", "payment__sandbox", named=False
    )
    for warnings, amount, currency, sandbox in found.iterator():
        for warning in warnings:
            code = warning["code"]
            messages.setdefault(code, unpacked(warning["message"]))
            orders[code] += 1
            if not sandbox:
                sums[code].append((currency, amount))
    for code in sorted(orders, key=lambda code: (-orders[code], code)):
        yield WarningGroup(code, messages[code], orders[code], _added(sums[code]))


def _problem_groups(batch: RefundBatch) -> Iterator[ProblemGroup]:
    found = batch.items.filter(excluded=True).values_list("error_code").annotate(Min("message"), orders=Count("pk"))
    for code, message, orders in found.order_by("-orders", "error_code"):
        yield ProblemGroup(code, message, orders)


def _added(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in amounts:
        sums[currency] += amount
    return dict(sorted(sums.items()))
