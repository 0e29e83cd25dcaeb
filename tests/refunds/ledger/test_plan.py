"""Table tests of `plan`, without a database: how each cancel that i'mport shows is booked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from payments.gateway import Cancellation, GatewayPayment
from payments.models import Payment
from refunds.ledger import Reading
from refunds.ledger.plan import Import, Own, PartOf, Remainder, Step, plan
from refunds.models import RefundRecord

NUMBER = "R23456789AB"
GIVEN_UP = "RGIVENUP234"
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def live(amount: int = 1_000, **fields: Any) -> RefundRecord:
    return RefundRecord(
        **{"status": "unknown", "number": NUMBER, "amount": Decimal(amount), "requested_at": AT} | fields
    )


def failed() -> RefundRecord:
    return RefundRecord(status="failed", number=GIVEN_UP, amount=Decimal(1_000), requested_at=AT)


def done(amount: int, key: str = "", pk: int = 1) -> RefundRecord:
    """Return a booked refund; without a key it was booked from i'mport's total alone."""
    money = Decimal(amount)
    return RefundRecord(
        pk=pk, status="succeeded", number=f"RDONE{pk}", amount=money, cancelled_amount=money, cancellation_id=key
    )


def item(amount: int, key: str = "c1", reason: str = "", **fields: Any) -> Cancellation:
    return Cancellation(Decimal(amount), **{"cancelled_at": AT} | fields, cancellation_id=key, reason=reason)


@dataclass(frozen=True)
class Case:
    """One row: our records, i'mport's payment, and the expected steps in short form."""

    name: str
    records: list[RefundRecord]
    history: list[Cancellation]
    steps: list[str]
    total: int | None = None  # at i'mport; None: the sum of the history
    reading: Reading = Reading.LATER
    pg: str = "html5_inicis"
    parts: dict[int, dict[str, Decimal]] = field(default_factory=dict)


def in_short(step: Step) -> str:
    match step:
        case Own(_record, _item, key):
            return f"own {key}"
        case Import(shown, key, before, late):
            return f"import {key} {shown.amount} after {before}" + (f" late {late.number}" if late else "")
        case PartOf(record, shown, key, is_whole):
            return f"{'whole' if is_whole else 'part'} of {record.pk}: {key} {shown.amount}"
        case Remainder(missing, before):
            return f"remainder {missing.amount} after {before}"


NUMBERED = f"변심 ({NUMBER})"
LONG_BEFORE = AT - timedelta(seconds=61)

CASES = [
    # Nothing new
    Case("nothing shown, nothing known", [], [], []),
    Case("a known cancel", [done(1_000, "c1")], [item(1_000)], []),
    Case("an older reading", [done(1_000, "c1")], [], []),
    Case("a live refund that is not shown", [live()], [], []),
    # The live refund's own cancel
    Case("its number", [live()], [item(1_000, reason=NUMBERED)], ["own c1"]),
    Case("its number, another amount", [live()], [item(900, reason=NUMBERED)], ["own c1"]),
    Case(
        "its number, long before by i'mport's clock",
        [live()],
        [item(1_000, reason=NUMBER, cancelled_at=LONG_BEFORE)],
        ["own c1"],
    ),
    Case(
        "its number on the second item",
        [live()],
        [item(500, "c0"), item(1_000, reason=NUMBERED)],
        ["import c0 500 after 0", "own c1"],
    ),
    Case("amount and time, no reason", [live()], [item(1_000)], ["own c1"]),
    Case("amount and time, i'mport's default reason", [live()], [item(1_000, reason="취소요청api")], ["own c1"]),
    Case("the reason cut off by i'mport", [live(reason="변심")], [item(1_000, reason="변심 (R234")], ["own c1"]),
    Case("no time", [live()], [item(1_000, cancelled_at=None)], ["own c1"]),
    Case("a clock one minute behind", [live()], [item(1_000, cancelled_at=AT - timedelta(seconds=60))], ["own c1"]),
    Case("long before", [live()], [item(1_000, cancelled_at=LONG_BEFORE)], ["import c1 1000 after 0"]),
    Case("another amount", [live()], [item(900)], ["import c1 900 after 0"]),
    Case("another reason", [live()], [item(1_000, reason="점주 취소")], ["import c1 1000 after 0"]),
    Case(
        "fits, but is the second new item",
        [live()],
        [item(500, "c0"), item(1_000)],
        ["import c0 500 after 0", "import c1 1000 after 500"],
    ),
    Case(
        "fits, and another follows", [live()], [item(1_000, "c0"), item(1_000)], ["own c0", "import c1 1000 after 1000"]
    ),
    # In a response to our cancel, the first new item is ours, whatever its reason
    Case(
        "an answer with another amount and reason",
        [live()],
        [item(900, reason="?")],
        ["own c1"],
        reading=Reading.ANSWER,
    ),
    Case(
        "an answer, known items before it",
        [live(), done(500, "c0")],
        [item(500, "c0"), item(900)],
        ["own c1"],
        reading=Reading.ANSWER,
    ),
    # After a refusal, an item is ours only with strong evidence
    Case(
        "a refusal, but our number is there",
        [live()],
        [item(1_000, reason=NUMBERED)],
        ["own c1"],
        reading=Reading.REFUSAL,
    ),
    Case(
        "a refusal, and somebody else's of that size",
        [live()],
        [item(1_000)],
        ["import c1 1000 after 0"],
        reading=Reading.REFUSAL,
    ),
    Case(
        "a refusal by Naver Pay, exactly our reason",
        [live(reason="변심")],
        [item(1_000, reason="변심")],
        ["own c1"],
        reading=Reading.REFUSAL,
        pg="naverpay",
    ),
    Case(
        "a refusal by Naver Pay, another reason",
        [live(reason="변심")],
        [item(1_000)],
        ["import c1 1000 after 0"],
        reading=Reading.REFUSAL,
        pg="naverpay",
    ),
    Case(
        "Naver Pay carries no number",
        [live(reason="변심")],
        [item(900, reason=f"변심 ({NUMBER})")],
        ["import c1 900 after 0"],
        pg="naverpay",
    ),
    Case(
        "Naver Pay, long before",
        [live(reason="변심")],
        [item(1_000, reason="변심", cancelled_at=LONG_BEFORE)],
        ["import c1 1000 after 0"],
        pg="naverpay",
    ),
    # Cancels not requested here
    Case("one from the console", [], [item(700)], ["import c1 700 after 0"]),
    Case(
        "oldest first",
        [],
        [item(700, "c1"), item(300, "c0", cancelled_at=LONG_BEFORE)],
        ["import c0 300 after 0", "import c1 700 after 300"],
    ),
    Case("after a booked one", [done(500, "c0")], [item(500, "c0"), item(700)], ["import c1 700 after 500"]),
    Case(
        "with the number of one given up",
        [failed()],
        [item(1_000, reason=GIVEN_UP)],
        [f"import c1 1000 after 0 late {GIVEN_UP}"],
    ),
    Case(
        "two equal ones without an id",
        [],
        [item(700, ""), item(700, "")],
        [f"import /{AT.timestamp():.0f}/700/1 700 after 0", f"import /{AT.timestamp():.0f}/700/2 700 after 700"],
    ),
    # Shown in i'mport's total only
    Case("the total alone", [], [], ["remainder 700 after 0"], total=700),
    Case("more than the items", [], [item(300)], ["import c1 300 after 0", "remainder 400 after 300"], total=700),
    Case("not while a refund is live: it may be its money", [live()], [], [], total=1_000),
    Case("beside the live refund's own", [live()], [item(1_000)], ["own c1", "remainder 500 after 1000"], total=1_500),
    # An item that appears later for an amount already booked from the total
    Case("the whole of it", [done(700)], [item(700)], ["whole of 1: c1 700"]),
    Case("a part of it", [done(700)], [item(300)], ["part of 1: c1 300"], total=700),
    Case("two parts of it", [done(700)], [item(300, "c0"), item(400)], ["part of 1: c0 300", "part of 1: c1 400"]),
    Case("a known part", [done(700)], [item(300)], [], total=700, parts={1: {"c1": Decimal(300)}}),
    Case(
        "the last part",
        [done(700)],
        [item(300, "c0"), item(400)],
        ["part of 1: c1 400"],
        parts={1: {"c0": Decimal(300)}},
    ),
    Case(
        "no room left in it",
        [done(700)],
        [item(600, "c0"), item(500)],
        ["import c1 500 after 700"],
        total=1_200,
        parts={1: {"c0": Decimal(600)}},
    ),
    Case("the total has room for it: a new one", [done(700)], [item(300)], ["import c1 300 after 700"], total=1_000),
    Case(
        "a new one beside its parts",
        [done(5_000)],
        [item(2_000, "c0"), item(3_000), item(2_000, "c2")],
        ["part of 1: c0 2000", "part of 1: c1 3000", "import c2 2000 after 5000"],
    ),
    Case(
        "our own beside its parts, by its number",
        [live(2_000), done(5_000)],
        [item(2_000, "c0"), item(3_000), item(2_000, "c2", NUMBERED)],
        ["part of 1: c0 2000", "part of 1: c1 3000", "own c2"],
    ),
    Case("the second of two remainders", [done(200), done(700, pk=2)], [item(700)], ["whole of 2: c1 700"], total=900),
    Case(
        "not the live refund's own, which bears its number",
        [live(), done(1_000)],
        [item(1_000, reason=NUMBERED)],
        ["own c1"],
    ),
    Case(
        "rather than the live refund, if the total is explained",
        [live(), done(1_000)],
        [item(1_000)],
        ["whole of 1: c1 1000"],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan_books_each_cancel_of_a_payment(case: Case) -> None:
    payment = Payment(imp_uid="imp_1", amount=Decimal(10_000), pg_provider=case.pg)
    for record in case.records:
        record.payment = payment
    total = sum((cancel.amount for cancel in case.history), Decimal(0)) if case.total is None else Decimal(case.total)
    shown = GatewayPayment(
        imp_uid="imp_1",
        merchant_uid="order_1",
        status="cancelled",
        amount=payment.amount,
        cancel_amount=total,
        cancel_history=tuple(case.history),
    )

    steps = plan(case.records, shown, case.reading, parts=case.parts)

    assert [in_short(step) for step in steps] == case.steps
