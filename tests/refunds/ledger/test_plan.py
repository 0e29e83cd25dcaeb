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
from refunds.ledger.booked import Identified, PartOf
from refunds.ledger.matching import CONSOLE_REASON
from refunds.ledger.plan import Import, Own, Remainder, Step, Wait, plan
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


def done(amount: int, key: str = "", pk: int = 1, **fields: Any) -> RefundRecord:
    """Return a booked refund; without a key it was booked from i'mport's total alone."""
    money = Decimal(amount)
    return RefundRecord(
        pk=pk,
        status="succeeded",
        number=f"RDONE{pk}",
        amount=money,
        cancelled_amount=money,
        cancellation_id=key,
        **fields,
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
    promotion: int = 0  # its discount
    parts: dict[int, dict[str, Decimal]] = field(default_factory=dict)


def in_short(step: Step) -> str:
    match step:
        case Own(record, _item, key, amount, _evidence, needs_review):
            other = "" if amount == record.amount else f" {amount}"
            return f"own {key or 'by total'}{other}" + (" review" if needs_review else "")
        case Import(shown, key, before, late):
            return f"import {key} {shown.amount} after {before}" + (f" late {late.number}" if late else "")
        case Identified(record, shown, key):
            return f"whole of {record.pk}: {key} {shown.amount}"
        case PartOf(record, shown, key):
            return f"part of {record.pk}: {key} {shown.amount}"
        case Remainder(missing, before):
            return f"remainder {missing.amount} after {before}"
        case Wait():
            return "wait"


NUMBERED = f"변심 ({NUMBER})"
LONG_BEFORE = AT - timedelta(seconds=61)
DAYS_BEFORE = AT - timedelta(hours=24, seconds=1)

CASES = [
    # Nothing new
    Case("nothing shown, nothing known", [], [], []),
    Case("a known cancel", [done(1_000, "c1")], [item(1_000)], []),
    Case("an older reading", [done(1_000, "c1")], [], []),
    Case("a live refund that is not shown", [live()], [], []),
    # The live refund's own cancel
    Case("its number", [live()], [item(1_000, reason=NUMBERED)], ["own c1"]),
    Case("its number, another amount", [live()], [item(900, reason=NUMBERED)], ["own c1 900 review"]),
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
    Case("the reason cut off by i'mport", [live(reason="변심")], [item(1_000, reason="R2345")], ["own c1"]),
    Case("no time", [live()], [item(1_000, cancelled_at=None)], ["own c1"]),
    Case("a clock one minute behind", [live()], [item(1_000, cancelled_at=AT - timedelta(seconds=60))], ["own c1"]),
    Case("another amount", [live()], [item(900)], ["import c1 900 after 0"]),
    Case(
        "fits, but is the second new item",
        [live()],
        [item(500, "c0"), item(1_000)],
        ["import c0 500 after 0", "own c1 review"],
    ),
    # Its amount alone: clocks differ, and a reason can come back altered, cut or replaced
    *(
        Case(
            f"a clock {hours} hours behind",
            [live()],
            [item(1_000, cancelled_at=AT - timedelta(hours=hours))],
            ["own c1 review"],
        )
        for hours in (1, 9, 24)
    ),
    Case("a clock hours ahead", [live()], [item(1_000, cancelled_at=AT + timedelta(hours=9))], ["own c1"]),
    *(
        Case(f"another reason: {reason}", [live(reason="변심")], [item(1_000, reason=reason)], ["own c1 review"])
        for reason in ("점주 취소", "고객 요청", "?? (R?)", CONSOLE_REASON)
    ),
    Case("a number cut off", [live(reason="변심")], [item(1_000, reason=NUMBER[:7])], ["own c1"]),
    Case("a reason cut inside a letter", [live(reason="변심")], [item(1_000, reason=f"{NUMBER} 변\ufffd")], ["own c1"]),
    Case("days before", [live()], [item(1_000, cancelled_at=DAYS_BEFORE)], ["import c1 1000 after 0"]),
    Case(
        "from the console, long before",
        [live()],
        [item(1_000, reason=CONSOLE_REASON, cancelled_at=LONG_BEFORE)],
        ["import c1 1000 after 0"],
    ),
    Case("another desk's number", [live()], [item(1_000, reason="RTHEXRDESK2 size")], ["import c1 1000 after 0"]),
    Case(
        "our number, after another desk's cancel of that amount",
        [live()],
        [item(1_000, "c0", "RTHEXRDESK2"), item(1_000, reason=NUMBERED)],
        ["import c0 1000 after 0", "own c1"],
    ),
    # While our call may not have ended, its amount alone decides nothing
    Case("during the call, fits", [live()], [item(1_000)], ["own c1"], reading=Reading.DURING),
    Case(
        "during the call, another reason", [live()], [item(1_000, reason="점주 취소")], ["wait"], reading=Reading.DURING
    ),
    Case(
        "during the call, hours before",
        [live()],
        [item(1_000, cancelled_at=LONG_BEFORE)],
        ["wait"],
        reading=Reading.DURING,
    ),
    Case("during the call, the total alone", [live()], [], ["wait"], total=1_000, reading=Reading.DURING),
    Case("during the call, another amount", [live()], [item(900)], ["import c1 900 after 0"], reading=Reading.DURING),
    # i'mport's total moved, and no item says why
    Case("the total alone, our amount", [live()], [], ["own by total review"], total=1_000),
    Case("the total alone, more", [live()], [], ["own by total review", "remainder 500 after 1000"], total=1_500),
    Case("the total alone, less: taken back in part", [live()], [], ["own by total 700 review"], total=700),
    Case("beside another's item", [live()], [item(700)], ["import c1 700 after 0", "own by total review"], total=1_700),
    Case("an answer, the total alone", [live()], [], ["own by total"], total=1_000, reading=Reading.ANSWER),
    Case("an answer, and nothing to see", [live()], [], [], reading=Reading.ANSWER),
    Case("accepted, the total alone", [live(status="pending")], [], ["own by total"], total=1_000),
    Case("accepted, another amount: not yet ours", [live(status="pending")], [], ["wait"], total=700),
    Case("accepted later, answer lost, less", [live()], [], ["wait"], total=700, pg="paypal_v2"),
    Case("a refusal, the total alone", [live()], [], ["own by total review"], total=1_000, reading=Reading.REFUSAL),
    Case("a refusal, less in the total", [live()], [], ["remainder 700 after 0"], total=700, reading=Reading.REFUSAL),
    # With a promotion, items and total may count before or after the discount
    Case("promotion, both after it", [live()], [item(900, reason=NUMBERED)], ["own c1 900 review"], promotion=100),
    Case("promotion, both before it", [live()], [item(1_000, reason=NUMBERED)], ["own c1"], promotion=100),
    Case(
        "promotion, the total before it", [live()], [item(900, reason=NUMBERED)], ["own c1"], total=1_000, promotion=100
    ),
    Case(
        "promotion, the total after it",
        [live()],
        [item(1_000, reason=NUMBERED)],
        ["own c1 900 review"],
        total=900,
        promotion=100,
    ),
    Case(
        "promotion, and another's cancel that only the total shows",
        [live()],
        [item(900, reason=NUMBERED)],
        ["own c1", "remainder 500 after 1000"],
        total=1_500,
        promotion=100,
    ),
    # A reading older than the ledger, or a cancel that was taken back
    Case("less than the ledger, a refund is live", [live(), done(500, "c0")], [], ["wait"]),
    Case("less than the ledger, after a refusal", [live(), done(500, "c0")], [], [], reading=Reading.REFUSAL),
    Case(
        "ours instead of one that was taken back",
        [live(), done(500, "c0")],
        [item(1_000, reason=NUMBERED)],
        ["own c1"],
    ),
    Case("ours, not in the total yet", [live()], [item(1_000, reason=NUMBERED)], ["wait"], total=0),
    Case("ours, taken back in part", [live()], [item(1_000, reason=NUMBERED)], ["own c1 700 review"], total=700),
    Case(
        "fits, and another follows", [live()], [item(1_000, "c0"), item(1_000)], ["own c0", "import c1 1000 after 1000"]
    ),
    # In a response to our cancel, the first new item is ours, whatever its reason
    Case(
        "an answer with another amount and reason",
        [live()],
        [item(900, reason="?")],
        ["own c1 900 review"],
        reading=Reading.ANSWER,
    ),
    Case(
        "an answer, known items before it",
        [live(), done(500, "c0")],
        [item(500, "c0"), item(900)],
        ["own c1 900 review"],
        reading=Reading.ANSWER,
    ),
    Case(
        "an answer with our amount after another's",
        [live()],
        [item(3_000, "c0", "다른 주문"), item(1_000)],
        ["import c0 3000 after 0", "own c1"],
        reading=Reading.ANSWER,
    ),
    Case(
        "an answer with a console cancel only, by a PG that executes later",
        [live()],
        [item(900, reason=CONSOLE_REASON)],
        ["import c1 900 after 0"],
        reading=Reading.ANSWER,
        pg="paypal_v2",
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
        "a refusal, and one of that size",
        [live()],
        [item(1_000)],
        ["own c1 review"],
        reading=Reading.REFUSAL,
    ),
    Case(
        "a refusal before the PG was asked, and one of that size",
        [live(reason="변심")],
        [item(1_000, reason="다른 사유")],
        ["import c1 1000 after 0"],
        reading=Reading.REJECTION,
    ),
    Case(
        "a refusal before the PG was asked, but our number is there",
        [live()],
        [item(1_000, reason=NUMBERED)],
        ["own c1"],
        reading=Reading.REJECTION,
    ),
    Case(
        "a refusal before the PG was asked, and the total alone",
        [live()],
        [],
        ["own by total review"],
        total=1_000,
        reading=Reading.REJECTION,
    ),
    Case(
        "a refusal, and one of that size from the console",
        [live()],
        [item(1_000, reason=CONSOLE_REASON)],
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
        ["own c1 review"],
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
        ["own c1 review"],
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
    # A cancel that i'mport names later or renames, shown with a total that the ledger explains already
    *(
        Case(f"renamed: {old or 'no id'} to {new}", [done(4_000, old)], [item(4_000, new)], [f"whole of 1: {new} 4000"])
        for old, new in (("c1", "c2"), ("tid/1/4000/1", "cxl_later"), ("/1/4000/1", "tid/1/4000/1"))
    ),
    Case(
        "renamed, beside a new one of that amount",
        [done(4_000, "c1", cancelled_at=AT)],
        [item(4_000, "c3", cancelled_at=AT + timedelta(hours=1)), item(4_000, "c2")],
        ["whole of 1: c2 4000", "import c3 4000 after 4000"],
    ),
    Case(
        "renamed, and ours of that amount",
        [live(4_000), done(4_000, "c1", cancelled_at=AT - timedelta(hours=30))],
        [item(4_000, "c2", cancelled_at=AT - timedelta(hours=30)), item(4_000, "c3", "altered")],
        ["whole of 1: c2 4000", "own c3 review"],
    ),
    Case("split, with a total that is explained", [done(4_000, "c1")], [item(1_500, "c2"), item(2_500, "c3")], []),
    Case("left out now", [done(4_000, "c1")], [], [], total=4_000),
    Case("the same item twice", [], [item(700), item(700)], ["import c1 700 after 0"], total=700),
    Case("the same item twice, booked", [done(700, "c1")], [item(700), item(700)], [], total=700),
    Case("an item that the total does not hold", [done(700, "c1")], [item(700), item(300, "c2")], [], total=700),
    Case("ours by the total, named later", [done(700)], [item(700, reason="RDONE1")], ["whole of 1: c1 700"]),
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
    payment = Payment(imp_uid="imp_1", amount=Decimal(10_000), pg_provider=case.pg, has_promotion=case.promotion > 0)
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
