"""Rules by payment method and PG, each tested just inside and just outside its limit."""

import pytest

from refunds.policies import (
    check,
    settles_later,
)
from tests.refunds.policies.cases import (
    ACCOUNT,
    SOON_AFTER,
    TEL,
    VBANK_CONTRACT,
    asking,
    paid,
    seoul,
    violations,
    warnings,
)

EXCEPTIONS = ["kcp_phone_partial", "kcp_phone_next_month", "welcome_partial"]


# --- Mobile phone payments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paid_at", "now", "expected"),
    [
        (seoul(2026, 3, 2), seoul(2026, 3, 31, 23, 59, 59), []),
        (seoul(2026, 3, 2), seoul(2026, 4, 1, 0, 0, 0), ["phone_next_month"]),
        (seoul(2026, 3, 1, 0, 0, 0), seoul(2026, 3, 1, 0, 0, 1), []),
        (seoul(2026, 2, 28, 23, 59, 59), seoul(2026, 3, 1, 0, 0, 0), ["phone_next_month"]),
        (seoul(2025, 12, 31), seoul(2026, 1, 1), ["phone_next_month"]),
        (seoul(2025, 3, 2), seoul(2026, 3, 2), ["phone_next_month"]),
        (seoul(2026, 4, 1, 0, 0, 1), seoul(2026, 3, 31, 23, 59, 59), []),  # our clock is behind
        (None, SOON_AFTER, []),
    ],
)
def test_phone_payment_is_refunded_in_its_month_in_seoul_only(paid_at, now, expected):
    payment = paid("danal", "phone", paid_at=paid_at, status="paid")
    assert violations(asking(payment, now=now)) == expected


@pytest.mark.parametrize(("amount", "expected"), [(10_000, []), (None, []), (9_999, ["phone_partial"])])
@pytest.mark.parametrize("pg_provider", ["danal", "kcp", "mobilians", "ksnet"])
def test_phone_payment_is_refunded_in_full_only(pg_provider, amount, expected):
    assert violations(asking(paid(pg_provider, "phone"), amount)) == expected


def test_rest_of_a_phone_payment_is_a_partial_refund():
    assert violations(asking(paid("kcp", "phone", refunded=4_000))) == ["phone_partial"]


@pytest.mark.parametrize(
    ("pg_provider", "contract", "expected"),
    [
        ("kcp", "kcp_phone_partial", []),
        ("kcp", "kcp_phone_next_month", ["phone_partial"]),
        ("danal", "kcp_phone_partial", ["phone_partial"]),
    ],
)
def test_contract_allows_partial_refunds_of_phone_payments_at_its_pg(pg_provider, contract, expected):
    payment = paid(pg_provider, "phone")
    assert violations(asking(payment, 4_000, contracts=[contract])) == expected


@pytest.mark.parametrize(("amount", "expected"), [(1, ["phone_approved_anew"]), (10_000, [])])
def test_inicis_refunds_a_phone_payment_in_part_by_approving_the_rest_anew(amount, expected):
    context = asking(paid("html5_inicis", "phone"), amount)
    assert violations(context) == []
    assert warnings(context) == expected


@pytest.mark.parametrize(
    ("pg_provider", "contract", "expected"),
    [
        ("kcp", "kcp_phone_next_month", []),
        ("kcp", "kcp_phone_partial", ["phone_next_month"]),
        ("html5_inicis", "kcp_phone_next_month", ["phone_next_month"]),
    ],
)
def test_contract_allows_phone_payments_of_earlier_months_at_kcp(pg_provider, contract, expected):
    context = asking(paid(pg_provider, "phone"), now=seoul(2026, 4, 1, 0), contracts=[contract], **ACCOUNT)
    assert violations(context) == expected


@pytest.mark.parametrize(
    ("now", "expected"), [(seoul(2026, 3, 31, 23, 59, 59), []), (seoul(2026, 4, 1, 0), ["account_required"])]
)
def test_kcp_phone_payment_needs_an_account_only_after_its_month(now, expected):
    assert violations(asking(paid("kcp", "phone"), now=now, contracts=["kcp_phone_next_month"])) == expected


@pytest.mark.parametrize("pay_method", ["card", "trans"])
def test_other_methods_have_no_month_or_full_refund_rule(pay_method):
    payment = paid("danal", pay_method)
    assert violations(asking(payment, 4_000, now=seoul(2026, 5, 1))) == []


# --- Virtual accounts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contracts", "expected"),
    [
        ([], True),
        (EXCEPTIONS, True),
        (["vbank_refund:kcp"], True),
        (["vbank_refund"], False),
        (["vbank_refund:nice_v2"], False),
    ],
)
def test_a_virtual_account_warns_without_the_contract_of_its_pg(contracts, expected):
    context = asking(paid("nice_v2", "vbank"), contracts=contracts, **ACCOUNT)
    assert violations(context) == []
    assert ("vbank_contract" in warnings(context)) is expected


@pytest.mark.parametrize(("pg_provider", "expected"), [("tosspayments", False), ("uplus", True), ("kicc", True)])
def test_toss_payments_needs_no_contract_for_virtual_accounts(pg_provider, expected):
    assert ("vbank_contract" in warnings(asking(paid(pg_provider, "vbank"), **ACCOUNT))) is expected


def test_virtual_account_warning_shows_the_transfer_fee():
    context = asking(paid(pay_method="vbank"), 10_000, contracts=VBANK_CONTRACT, vbank_fee=300, **ACCOUNT)
    message = next(warning.message for warning in check(context).warnings if warning.code == "vbank_fee")
    assert "₩300" in message
    assert "₩10,300" in message


def test_fee_of_zero_gives_no_warning():
    context = asking(paid(pay_method="vbank"), contracts=VBANK_CONTRACT, vbank_fee=0, **ACCOUNT)
    assert warnings(context) == ["vbank_payout"]


@pytest.mark.parametrize(
    ("pg_provider", "expected"),
    [
        ("html5_inicis", "vbank_payout"),
        ("ksnet", "vbank_payout"),
        ("kcp", "vbank_next_day_payout"),
        ("mobilians", "vbank_thursday_payout"),
        ("mobilians_v2", "vbank_thursday_payout"),
        ("daou", "vbank_slow_payout"),
    ],
)
def test_virtual_account_warning_shows_the_payout_time(pg_provider, expected):
    payment = paid(pg_provider, "vbank")
    assert warnings(asking(payment, contracts=VBANK_CONTRACT, **ACCOUNT)) == ["vbank_fee", expected]


def test_what_settles_later_is_not_said_to_be_paid_in_days():
    payment = paid("smartro_v2", "vbank")
    assert warnings(asking(payment, contracts=VBANK_CONTRACT, **ACCOUNT, **TEL)) == ["vbank_fee", "settles_later"]


def test_card_gives_no_virtual_account_warning():
    assert warnings(asking(paid("daou", "card"))) == []


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "expected"),
    [
        ("danal", "vbank", ["danal_vbank"]),
        ("danal_tpay", "vbank", ["danal_vbank"]),
        ("danal_tpay", "card", []),
        ("daou", "vbank", []),
    ],
)
def test_danal_cannot_refund_virtual_accounts(pg_provider, pay_method, expected):
    assert violations(asking(paid(pg_provider, pay_method), **ACCOUNT)) == expected


@pytest.mark.parametrize("partial_amount", [1, 9_999])
def test_a_virtual_account_can_be_refunded_in_part_years_later(partial_amount):
    context = asking(
        paid(pay_method="vbank"), partial_amount, now=seoul(2036, 1, 1), contracts=VBANK_CONTRACT, **ACCOUNT
    )
    assert violations(context) == []
    assert "late_refund" not in warnings(context)


# --- Time limits, results that come later ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "last_day", "day_after"),
    [
        ("html5_inicis", "card", seoul(2027, 3, 2, 23, 59, 59), seoul(2027, 3, 3, 0)),
        ("html5_inicis", "trans", seoul(2026, 6, 2, 23, 59, 59), seoul(2026, 6, 3, 0)),
        ("kakaopay", "point", seoul(2027, 3, 2, 23, 59, 59), seoul(2027, 3, 3, 0)),
        ("nice_v2", "kakaopay", seoul(2027, 3, 2, 23, 59, 59), seoul(2027, 3, 3, 0)),
        ("naverpay", "card", seoul(2029, 3, 1, 23, 59, 59), seoul(2029, 3, 2, 0)),  # 2028 has 366 days
        ("paypal", "paypal", seoul(2026, 8, 29, 23, 59, 59), seoul(2026, 8, 30, 0)),
        ("paypal_v2", "paypal", seoul(2026, 8, 29, 23, 59, 59), seoul(2026, 8, 30, 0)),
    ],
)
def test_late_refund_warns_but_is_allowed(pg_provider, pay_method, last_day, day_after):
    payment = paid(pg_provider, pay_method)
    assert "late_refund" not in warnings(asking(payment, now=last_day, reason="단순 변심"))
    late = asking(payment, now=day_after, reason="단순 변심")
    assert "late_refund" in warnings(late)
    assert violations(late) == []


def test_payment_without_a_date_gives_no_late_warning():
    assert warnings(asking(paid(paid_at=None), now=seoul(2036, 1, 1))) == []


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "expected"),
    [
        ("smartro_v2", "vbank", True),
        ("smartro_v2", "card", False),
        ("smartro", "vbank", False),
        ("paypal_v2", "paypal", True),
        ("paypal", "paypal", False),
        ("paymentwall", "card", True),
        ("kicc", "wechat", True),
        ("kicc", "card", False),
        ("eximbay", "wechat", False),
    ],
)
def test_some_pgs_settle_refunds_later(pg_provider, pay_method, expected):
    payment = paid(pg_provider, pay_method)
    assert settles_later(payment) is expected
    assert ("settles_later" in warnings(asking(payment, **ACCOUNT, **TEL))) is expected


# --- Naver Pay ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pg_provider", "reason", "expected"),
    [
        ("naverpay", "단순 변심", []),
        ("naverpay", "", ["reason_required"]),
        ("naverpay", "  ", ["reason_required"]),
        ("kakaopay", "", []),
    ],
)
def test_naver_pay_needs_a_reason(pg_provider, reason, expected):
    assert violations(asking(paid(pg_provider), reason=reason)) == expected


@pytest.mark.parametrize(
    ("pg_provider", "requester", "expected"),
    [
        ("naverpay", "customer", []),
        ("naverpay", "admin", []),
        ("naverpay", "seller", ["requester_invalid"]),
        ("kakaopay", "seller", []),
    ],
)
def test_naver_pay_needs_the_requester(pg_provider, requester, expected):
    assert violations(asking(paid(pg_provider), reason="단순 변심", requester=requester)) == expected
