"""When a refund usually arrives: the cases of the help pages and the PGs' pages."""

from datetime import date, datetime

import pytest

from refunds.policies import Arrival, ArrivalDays, add_business_days, arrival_days, usual_arrival
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


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 3, 3), 0, date(2026, 3, 3)),
        (date(2026, 2, 27), 1, date(2026, 3, 3)),  # 2 March stands in for Sunday, 1 March
        (date(2026, 4, 30), 1, date(2026, 5, 4)),  # banks are closed on 1 May
        (date(2025, 10, 2), 1, date(2025, 10, 10)),  # Chuseok with its neighbours
        (date(2026, 3, 4), -5, date(2026, 2, 24)),
        (date(2026, 12, 30), 2, date(2027, 1, 4)),
    ],
)
def test_business_days_leave_out_weekends_and_korean_holidays(day: date, count: int, expected: date) -> None:
    assert add_business_days(day, count, {}) == expected


def test_days_declared_late_count_as_the_shop_says() -> None:
    declared = {date(2026, 3, 5): False, date(2026, 3, 7): True}
    assert add_business_days(date(2026, 3, 4), 1, declared) == date(2026, 3, 6)
    assert add_business_days(date(2026, 3, 4), 2, declared) == date(2026, 3, 7)


@pytest.mark.parametrize(
    ("arrival", "cancelled_on", "expected"),
    [
        (Arrival(3, 5), date(2026, 3, 6), (date(2026, 3, 11), date(2026, 3, 13))),
        (Arrival(0, 0), date(2026, 3, 7), (date(2026, 3, 7), date(2026, 3, 7))),  # at once, also on a Saturday
        (Arrival(7, None), date(2026, 3, 6), None),
        (None, date(2026, 3, 6), None),
        (THURSDAY, date(2026, 3, 10), (date(2026, 3, 12), date(2026, 3, 12))),  # asked on a Tuesday
        (THURSDAY, date(2026, 3, 11), (date(2026, 3, 19), date(2026, 3, 19))),  # on a Wednesday
        (THURSDAY, date(2026, 9, 21), None),  # that Thursday is a holiday
    ],
)
def test_arrival_days(arrival: Arrival | None, cancelled_on: date, expected: tuple[date, date] | None) -> None:
    days = arrival_days(arrival, cancelled_on=cancelled_on, exceptions={})
    assert days == (ArrivalDays(*expected) if expected else None)
