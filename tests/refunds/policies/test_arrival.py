"""When a refund usually arrives: the cases of the help pages and the PGs' pages."""

from datetime import datetime

import pytest

from refunds.policies import Arrival, usual_arrival
from tests.refunds.policies.cases import PAID_AT, SOON_AFTER, paid, seoul

THURSDAY = Arrival(2, 6, on_thursday=True)
NEXT_MONTH = seoul(2026, 4, 1)


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "cancelled_at", "in_full", "expected"),
    [
        ("html5_inicis", "card", PAID_AT, True, Arrival(0, 0)),
        ("html5_inicis", "card", seoul(2026, 3, 2, 23, 59), False, Arrival(3, 5)),
        ("html5_inicis", "card", SOON_AFTER, True, Arrival(3, 5)),
        ("naverpay", "card", SOON_AFTER, True, None),
        ("html5_inicis/kakaopay", "card", SOON_AFTER, True, None),
        ("html5_inicis/samsungpay", "card", SOON_AFTER, True, Arrival(3, 5)),
        ("paymentwall", "card", SOON_AFTER, True, None),
        ("kcp", "trans", PAID_AT, False, Arrival(0, 0)),
        ("kcp", "trans", SOON_AFTER, True, Arrival(0, 1)),
        ("smartro_v2", "trans", SOON_AFTER, True, None),
        ("html5_inicis", "vbank", SOON_AFTER, True, Arrival(1, 2)),
        ("kcp", "vbank", SOON_AFTER, True, Arrival(1, 1)),
        ("daou", "vbank", SOON_AFTER, True, Arrival(7, None)),
        ("mobilians_v2", "vbank", SOON_AFTER, True, THURSDAY),
        ("smartro_v2", "vbank", SOON_AFTER, True, Arrival(0, 0)),
        ("danal", "vbank", SOON_AFTER, True, None),
        ("danal", "phone", SOON_AFTER, True, Arrival(0, 0)),
        ("html5_inicis", "phone", SOON_AFTER, False, None),
        ("kcp", "phone", NEXT_MONTH, True, Arrival(1, 1)),
        ("kakaopay", "kakaopay", SOON_AFTER, True, None),
        ("paypal_v2", "paypal", SOON_AFTER, True, None),
    ],
)
def test_arrival_follows_from_method_pg_and_day(
    pg_provider: str, pay_method: str, cancelled_at: datetime, in_full: bool, expected: Arrival | None
) -> None:
    pg, _slash, wallet = pg_provider.partition("/")
    payment = paid(pg, pay_method, emb_pg_provider=wallet)
    assert usual_arrival(payment, cancelled_at=cancelled_at, in_full=in_full) == expected
