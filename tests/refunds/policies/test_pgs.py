"""Rules of single PGs: KSNET's limits, what is refunded in full only, and what cannot be refunded at all."""

import pytest

from tests.refunds.policies.cases import (
    ACCOUNT,
    PAID_AT,
    asking,
    only_violation,
    paid,
    seoul,
    violations,
    warnings,
)

# --- KSNET ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pg_provider", "so_far", "amount", "expected"),
    [
        ("ksnet", 8, 1, []),
        ("ksnet", 9, 1, ["ksnet_partial_limit"]),
        ("ksnet", 9, None, ["ksnet_partial_limit"]),  # the rest would be the tenth part
        ("kcp_quick", 9, 1, []),
    ],
)
def test_ksnet_refunds_a_payment_in_at_most_nine_parts(pg_provider, so_far, amount, expected):
    payment = paid(pg_provider, refunded=900)
    assert violations(asking(payment, amount, partial_refunds=so_far)) == expected


@pytest.mark.parametrize(
    ("paid_at", "last_moment", "too_late"),
    [
        (seoul(2026, 3, 2, 0), seoul(2026, 9, 2, 23, 59, 59), seoul(2026, 9, 3, 0)),
        (seoul(2023, 8, 31), seoul(2024, 2, 29, 23, 59, 59), seoul(2024, 3, 1, 0)),  # leap year
        (seoul(2024, 8, 31), seoul(2025, 2, 28, 23, 59, 59), seoul(2025, 3, 1, 0)),
        (seoul(2024, 2, 29), seoul(2024, 8, 29, 23, 59, 59), seoul(2024, 8, 30, 0)),
        (seoul(2025, 12, 31, 23, 59, 59), seoul(2026, 6, 30, 23, 59, 59), seoul(2026, 7, 1, 0)),
    ],
)
def test_ksnet_refunds_within_six_months(paid_at, last_moment, too_late):
    payment = paid("ksnet", "card", paid_at=paid_at)
    assert violations(asking(payment, now=last_moment)) == []
    assert violations(asking(payment, now=too_late)) == ["ksnet_too_late"]
    assert violations(asking(paid("kicc", "card", paid_at=paid_at), now=too_late)) == []


def test_ksnet_violation_shows_the_last_refundable_day():
    violation = only_violation(asking(paid("ksnet", paid_at=seoul(2023, 8, 31)), now=seoul(2024, 3, 1)))
    assert "2024-02-29" in violation.message


def test_ksnet_period_is_not_checked_without_a_payment_date():
    assert violations(asking(paid("ksnet", paid_at=None), now=seoul(2036, 1, 1))) == []


@pytest.mark.parametrize(
    ("hour", "minute", "second", "expected"),
    [
        (22, 59, 59, []),
        (23, 0, 0, ["ksnet_night"]),
        (0, 0, 0, ["ksnet_night"]),
        (5, 59, 59, ["ksnet_night"]),
        (6, 0, 0, []),
        (12, 0, 0, []),
    ],
)
def test_ksnet_refunds_virtual_accounts_by_day(hour, minute, second, expected):
    now = seoul(2026, 3, 3, hour, minute, second)
    assert violations(asking(paid("ksnet", "vbank"), now=now, **ACCOUNT)) == expected
    assert violations(asking(paid("ksnet", "card"), now=now)) == []
    assert violations(asking(paid("daou", "vbank"), now=now, **ACCOUNT)) == []


# --- In full only ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pg_provider", "in_full_only"),
    [
        ("tosspayments", {"cultureland", "culturegift", "smartculture", "booknlife"}),
        ("daou", {"smartculture", "booknlife"}),
        ("mobilians", {"smartculture"}),
        ("mobilians_v2", {"smartculture"}),
        ("html5_inicis", set()),
        ("galaxia", set()),
    ],
)
@pytest.mark.parametrize("pay_method", ["cultureland", "culturegift", "smartculture", "booknlife"])
def test_some_gift_certificates_are_refunded_in_full(pay_method, pg_provider, in_full_only):
    expected = ["gift_certificate_partial"] if pay_method in in_full_only else []
    assert violations(asking(paid(pg_provider, pay_method), 9_999)) == expected
    assert violations(asking(paid(pg_provider, pay_method), 10_000)) == []


def test_toss_refunds_cards_in_part():
    assert violations(asking(paid("tosspayments", "card"), 9_999)) == []


@pytest.mark.parametrize("pg_provider", ["html5_inicis", "kcp", "nice_v2", "tosspayments", "welcome"])
@pytest.mark.parametrize(
    ("escrow", "amount", "expected"),
    [(True, 10_000, []), (True, 9_999, ["escrow_partial"]), (False, 9_999, [])],
)
def test_escrow_payments_are_refunded_in_full(pg_provider, escrow, amount, expected):
    payment = paid(pg_provider, escrow=escrow)
    assert violations(asking(payment, amount)) == expected
    assert ("escrow" in warnings(asking(payment, 10_000))) is escrow


@pytest.mark.parametrize("pg_provider", ["ksnet", "settle", "some_new_pg"])
def test_escrow_warns_where_the_buyers_confirmation_decides(pg_provider):
    context = asking(paid(pg_provider, escrow=True), 9_999)
    assert violations(context) == []
    assert warnings(context) == ["escrow"]


@pytest.mark.parametrize("pay_method", ["naverpay", "card", "point"])
def test_a_naver_order_is_refunded_at_naver(pay_method):
    violation = only_violation(asking(paid("naverco", pay_method)))
    assert (violation.code, violation.field) == ("naver_order", "")


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "expected"),
    [
        ("inicis_jp", "cvs", (["convenience_store"], [])),
        ("inicis_jp", "convenience_store", (["convenience_store"], [])),
        ("inicis_jp", "card", ([], [])),
        ("galaxia", "cvs", ([], ["convenience_store_paid"])),
    ],
)
def test_convenience_store_payments_are_never_refunded_in_japan(pg_provider, pay_method, expected):
    context = asking(paid(pg_provider, pay_method))
    assert (violations(context), warnings(context)) == expected


@pytest.mark.parametrize(
    ("pg_provider", "contracts", "amount", "expected"),
    [
        ("welcome", [], 9_999, ["welcome_partial"]),
        ("welcome", ["welcome_partial"], 9_999, []),
        ("welcome", [], 10_000, []),
        ("paymentwall", [], 9_999, ["settles_later", "paymentwall_partial"]),
        ("paymentwall", [], 10_000, ["settles_later"]),
    ],
)
def test_partial_refund_warns_where_it_depends_on_what_a_payment_does_not_show(
    pg_provider, contracts, amount, expected
):
    payment = paid(pg_provider)
    context = asking(payment, amount, now=PAID_AT, contracts=contracts)
    assert violations(context) == []
    assert warnings(context) == expected


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "now", "expected"),
    [
        ("html5_inicis", "trans", seoul(2026, 3, 2, 23, 59, 59), False),
        ("html5_inicis", "trans", seoul(2026, 3, 3, 0), True),
        ("paymentwall", "card", seoul(2026, 3, 3, 0), True),
        ("html5_inicis", "card", seoul(2026, 3, 3, 0), False),
    ],
)
def test_fee_is_kept_after_the_day_of_payment(pg_provider, pay_method, now, expected):
    assert ("fee_kept" in warnings(asking(paid(pg_provider, pay_method), now=now))) is expected


@pytest.mark.parametrize(
    ("pay_method", "amount", "expected"),
    [("point", 10_000, []), ("point", 9_999, ["points_partial"]), ("card", 9_999, [])],
)
def test_partial_refund_of_a_payment_with_points_warns(pay_method, amount, expected):
    context = asking(paid(pay_method=pay_method), amount)
    assert violations(context) == []
    assert warnings(context) == expected


@pytest.mark.parametrize(
    ("pay_method", "currency", "amount", "expected"),
    [
        ("card", "USD", 10_000, []),
        ("card", "USD", 9_999, ["foreign_card_partial"]),
        ("card", "KRW", 9_999, []),
        ("paypal", "USD", 9_999, []),
    ],
)
def test_partial_refund_of_a_possibly_foreign_card_warns(pay_method, currency, amount, expected):
    context = asking(paid("eximbay", pay_method, currency=currency), amount)
    assert violations(context) == []
    assert warnings(context) == expected
