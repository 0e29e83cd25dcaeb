"""Rules by payment method and PG, each tested just inside and just outside its limit."""

from decimal import Decimal

import pytest

from refunds.policies import (
    check,
    counts_partials,
    has_balance,
    needs_requester,
    requirements,
    sends_refund_number,
    settles_later,
)
from tests.refunds.policies.cases import (
    ACCOUNT,
    PAID_AT,
    SOON_AFTER,
    TEL,
    VBANK_CONTRACT,
    asking,
    only_violation,
    paid,
    seoul,
    violations,
    warnings,
)

EXCEPTIONS = ["html5_inicis_phone_partial", "kcp_phone_partial", "kcp_phone_next_month"]


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
@pytest.mark.parametrize("pg_provider", ["danal", "kcp", "html5_inicis", "ksnet"])
def test_phone_payment_is_refunded_in_full_only(pg_provider, amount, expected):
    assert violations(asking(paid(pg_provider, "phone"), amount)) == expected


def test_rest_of_a_phone_payment_is_a_partial_refund():
    assert violations(asking(paid("kcp", "phone", refunded=4_000))) == ["phone_partial"]


@pytest.mark.parametrize(
    ("pg_provider", "contract", "expected"),
    [
        ("html5_inicis", "html5_inicis_phone_partial", []),
        ("html5_inicis", "kcp_phone_partial", ["phone_partial"]),
        ("kcp", "kcp_phone_partial", []),
        ("kcp", "html5_inicis_phone_partial", ["phone_partial"]),
        ("kcp", "kcp_phone_next_month", ["phone_partial"]),
        ("danal", "kcp_phone_partial", ["phone_partial"]),
    ],
)
def test_contract_allows_partial_refunds_of_phone_payments_at_its_pg(pg_provider, contract, expected):
    payment = paid(pg_provider, "phone")
    assert violations(asking(payment, 4_000, contracts=[contract])) == expected


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


def test_virtual_account_warning_shows_the_transfer_fee():
    context = asking(paid(pay_method="vbank"), 10_000, contracts=VBANK_CONTRACT, vbank_fee=300, **ACCOUNT)
    message = next(warning.message for warning in check(context).warnings if warning.code == "vbank_fee")
    assert "₩300" in message
    assert "₩10,300" in message


def test_fee_of_zero_gives_no_warning():
    context = asking(paid(pay_method="vbank"), contracts=VBANK_CONTRACT, vbank_fee=0, **ACCOUNT)
    assert warnings(context) == ["vbank_payout"]


@pytest.mark.parametrize(("pg_provider", "expected"), [("html5_inicis", "vbank_payout"), ("daou", "vbank_slow_payout")])
def test_virtual_account_warning_shows_the_payout_time(pg_provider, expected):
    context = asking(paid(pg_provider, "vbank"), contracts=VBANK_CONTRACT, **ACCOUNT)
    assert warnings(context) == ["vbank_fee", expected]


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


@pytest.mark.parametrize("pay_method", ["cultureland", "smartculture", "booknlife"])
@pytest.mark.parametrize(
    ("pg_provider", "amount", "expected"),
    [
        ("tosspayments", 10_000, []),
        ("tosspayments", 9_999, ["gift_certificate_partial"]),
        ("html5_inicis", 9_999, []),
    ],
)
def test_toss_refunds_gift_certificates_in_full(pay_method, pg_provider, amount, expected):
    assert violations(asking(paid(pg_provider, pay_method), amount)) == expected


def test_toss_refunds_cards_in_part():
    assert violations(asking(paid("tosspayments", "card"), 9_999)) == []


@pytest.mark.parametrize(
    ("escrow", "amount", "expected"),
    [(True, 10_000, []), (True, 9_999, ["escrow_partial"]), (False, 9_999, [])],
)
def test_escrow_payments_are_refunded_in_full(escrow, amount, expected):
    assert violations(asking(paid(escrow=escrow), amount)) == expected


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


# --- Requirements for the service and the forms ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "yes", "no"),
    [
        (counts_partials, ["ksnet"], ["kcp", "naverpay"]),
        (needs_requester, ["naverpay"], ["kakaopay", "ksnet"]),
        (sends_refund_number, ["kcp", "kakaopay", ""], ["naverpay"]),
        (has_balance, ["payco"], ["html5_inicis", "kcp", "nice", "kakaopay"]),
    ],
)
def test_predicates_depend_on_the_pg(question, yes, no):
    assert all(question(paid(pg_provider)) for pg_provider in yes)
    assert not any(question(paid(pg_provider)) for pg_provider in no)


def test_wallet_inside_a_pg_has_no_effect():
    payment = paid("nice_v2", emb_pg_provider="naverpay")
    assert violations(asking(payment, reason="")) == []


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "asked_for"),
    [
        ("html5_inicis", "card", {"takes_vat"}),
        ("daou", "vbank", {"account"}),
        ("smartro", "vbank", {"account", "tel"}),
        ("smartro", "trans", {"tel"}),
        ("smartro_v2", "trans", {"account", "tel"}),
        ("smartro_v2", "card", set()),
        ("naverpay", "card", {"reason", "requester"}),
        ("tosspay_v2", "tosspay", {"takes_vat"}),
    ],
)
def test_form_requires_the_inputs_of_method_and_pg(pg_provider, pay_method, asked_for):
    needs = requirements(paid(pg_provider, pay_method), SOON_AFTER, frozenset(), Decimal(300))
    inputs = ["account", "tel", "reason", "requester", "tax_free", "takes_tax_free", "takes_vat"]
    assert {name for name in inputs if getattr(needs, name)} == asked_for
    assert needs.partial_allowed


@pytest.mark.parametrize(
    ("payment", "contracts", "expected"),
    [
        (paid("kcp", "phone"), [], False),
        (paid("kcp", "phone"), ["kcp_phone_partial"], True),
        (paid("tosspayments", "cultureland"), [], False),
        (paid(escrow=True), [], False),
        (paid(amount=Decimal(1)), [], True),
        (paid(amount=Decimal(1), escrow=True), [], False),
    ],
)
def test_form_offers_partial_refunds_only_if_possible(payment, contracts, expected):
    needs = requirements(payment, SOON_AFTER, frozenset(contracts), Decimal(300))
    assert needs.partial_allowed is expected


@pytest.mark.parametrize(
    ("now", "contracts", "expected"),
    [
        (PAID_AT, {"kcp_phone_next_month"}, False),
        (seoul(2026, 4, 1), {"kcp_phone_next_month"}, True),
        (seoul(2026, 4, 1), set(), False),
    ],
)
def test_form_requires_an_account_for_a_kcp_phone_payment_of_an_earlier_month(now, contracts, expected):
    assert requirements(paid("kcp", "phone"), now, frozenset(contracts), Decimal(300)).account is expected


@pytest.mark.parametrize(("pay_method", "fee"), [("vbank", 500), ("card", 0), ("trans", 0)])
def test_form_shows_the_merchants_fee(pay_method, fee):
    needs = requirements(paid(pay_method=pay_method), SOON_AFTER, frozenset(), Decimal(500))
    assert needs.merchant_fee == fee
