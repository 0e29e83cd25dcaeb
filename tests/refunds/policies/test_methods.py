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
        ("smartro", "trans", set()),
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
