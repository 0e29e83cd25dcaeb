"""How many refunds ended how, counted without reading them all again.

A refund that has ended never changes (the database sees to that), so what was counted once is remembered: the sums up
to some refund, and which of those before it were still open. Only what came after is counted each time.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from monitoring.models import recall, remember
from refunds.models import FINAL_STATUSES, RefundRecord
from refunds.models.refunds import RefundRecordQuerySet

NAME = "refunds.tally"
CHUNK = 10_000  # refunds counted by one query while catching up
WORTH_REMEMBERING = 1_000  # refunds; fewer are quickly counted each time
BUDGET = 2.0  # seconds for catching up at a time
# Ids are handed out before their transactions end: what is older than this cannot get a neighbour any more.
SETTLED_LONG_AGO = timedelta(minutes=10)


class Kind(NamedTuple):
    """Refunds that are counted together. `code` says why they failed; empty if they did not."""

    status: str
    code: str
    source: str
    pay_method: str
    currency: str


class Sums(NamedTuple):
    """How many they are, and the money given back, in major units of their currency."""

    refunds: int = 0
    amount: Decimal = Decimal(0)


@dataclass(slots=True)
class Tally:
    """The sums of all refunds with an id up to `upto` that had ended; `still_open`: the ids of those that had not."""

    upto: int = 0
    still_open: list[int] = field(default_factory=list)
    sums: dict[Kind, Sums] = field(default_factory=dict)


def tally() -> dict[Kind, Sums] | None:
    """All refunds that have ended, by kind; None while a long history is still being counted. Keeps what it counts."""
    memory = recall(NAME)
    counted, before = _read(memory.data), int(memory.data.get("upto", 0))
    deadline = time.monotonic() + BUDGET
    while (upto := _next_stop(counted)) is not None:
        _count_up_to(counted, upto)
        if time.monotonic() > deadline:
            break
    if counted.upto > before:
        remember(memory, _written(counted))
    rest = _beyond(counted)
    if rest.filter(pk__gt=counted.upto).order_by("pk")[CHUNK : CHUNK + 1]:
        return None
    _add(counted.sums, _grouped(rest))
    return counted.sums


def _next_stop(counted: Tally) -> int | None:
    """The last id that the sums can be moved on to; None if that is not worth it."""
    new = RefundRecord.objects.filter(pk__gt=counted.upto).order_by("pk")
    end = new.values_list("pk", flat=True)[CHUNK - 1 : CHUNK].first()
    settled = new.filter(settled_at__lt=timezone.now() - SETTLED_LONG_AGO)
    upto = (settled if end is None else settled.filter(pk__lte=end)).aggregate(last=Max("pk"))["last"]
    return upto if upto is not None and upto - counted.upto >= WORTH_REMEMBERING else None


def _count_up_to(counted: Tally, upto: int) -> None:
    these = _beyond(counted).filter(pk__lte=upto)
    # Open ones first: a refund that ends between the two is then counted later, and not twice.
    still_open = set(these.live().order_by().values_list("pk", flat=True))
    _add(counted.sums, _grouped(these.exclude(pk__in=still_open)))
    counted.upto, counted.still_open = upto, sorted(still_open)


def _beyond(counted: Tally) -> RefundRecordQuerySet:
    return RefundRecord.objects.filter(Q(pk__gt=counted.upto) | Q(pk__in=counted.still_open))


def _grouped(refunds: RefundRecordQuerySet) -> Iterator[tuple[Kind, Sums]]:
    rows = (
        refunds.filter(status__in=FINAL_STATUSES)
        .order_by()
        .values_list("status", "error_code", "source", "payment__pay_method", "payment__currency")
        .annotate(count=Count("pk"), amount=Sum("cancelled_amount"))
    )
    for *kind, count, amount in rows:
        yield Kind(*kind), Sums(count, amount or Decimal(0))


def _add(sums: dict[Kind, Sums], more: Iterable[tuple[Kind, Sums]]) -> None:
    for kind, found in more:
        old = sums.get(kind, Sums())
        sums[kind] = Sums(old.refunds + found.refunds, old.amount + found.amount)


def _read(data: dict[str, Any]) -> Tally:
    sums = {Kind(*kind): Sums(count, Decimal(amount)) for kind, count, amount in data.get("sums", [])}
    return Tally(data.get("upto", 0), data.get("still_open", []), sums)


def _written(counted: Tally) -> dict[str, Any]:
    sums = [[list(kind), found.refunds, str(found.amount)] for kind, found in counted.sums.items()]
    return {"upto": counted.upto, "still_open": counted.still_open, "sums": sums}
