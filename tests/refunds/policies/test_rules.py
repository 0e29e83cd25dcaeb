"""Rules for every payment, the order of the rules, and their messages."""

import re
from decimal import Decimal

import pytest
from django.utils.translation import gettext, override

from refunds.policies import Verdict, check, merchant_cost
from refunds.policies.messages import PLACEHOLDERS, SENTENCES
from refunds.policies.rules import AMOUNT, IMPOSSIBLE, INPUTS, PARTIAL, TAX_PARTS, WARNINGS
from tests.refunds.policies.cases import asking, only_violation, paid, seoul, violations, warnings, won

NOTHING = Verdict((), ())
ALL_RULES = [*IMPOSSIBLE, *AMOUNT, *PARTIAL, *sum(INPUTS, ()), *sum(TAX_PARTS, ()), *WARNINGS]


@pytest.mark.parametrize("amount", [None, 10_000, 1])
def test_an_ordinary_card_payment_can_be_refunded_in_full_and_in_part(amount):
    assert check(asking(paid(), amount)) == NOTHING


def test_unpaid_payment_cannot_be_refunded():
    assert violations(asking(paid(status="ready", paid_at=None))) == ["not_paid"]


def test_a_virtual_account_cancelled_before_it_was_paid_cannot_be_refunded():
    assert violations(asking(paid(pay_method="vbank", status="cancelled", paid_at=None))) == ["not_paid"]


@pytest.mark.parametrize("fields", [{"paid_at": None}, {}, {"refunded": 4_000}])
def test_a_pending_payment_cannot_be_refunded(fields):
    assert violations(asking(paid("paypal_v2", "paypal", status="pending", **fields))) == ["payment_pending"]


@pytest.mark.parametrize("status", ["unknown", "partial_cancelled", "disputed"])
def test_only_a_time_of_payment_or_a_refund_makes_an_unknown_status_refundable(status):
    violation = only_violation(asking(paid(status=status, paid_at=None)))
    assert violation.code == "status_unknown"
    assert status in violation.message
    for payment in (paid(status=status), paid(status=status, paid_at=None, refunded=1)):
        assert violations(asking(payment)) == []
        assert warnings(asking(payment)) == ["status_unusual"]


def test_a_failed_payment_cannot_be_refunded():
    assert violations(asking(paid(status="failed", paid_at=None))) == ["payment_failed"]


def test_a_payment_refunded_in_full_cannot_be_refunded_again():
    payment = paid(status="cancelled", refunded=10_000)
    violation = only_violation(asking(payment, 1))
    assert violation.code == "already_refunded"
    assert "₩10,000" in violation.message


def test_the_rest_of_a_payment_can_be_refunded_though_its_status_says_cancelled():
    assert check(asking(paid(status="cancelled", refunded=9_999))) == NOTHING


def test_partly_refunded_payment_without_a_payment_date_can_be_refunded():
    assert check(asking(paid(status="cancelled", refunded=1, paid_at=None))) == NOTHING


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (1, []),
        (0, ["amount_not_positive"]),
        (-1, ["amount_not_positive"]),
        ("1.00", []),
        ("1.5", ["amount_too_precise"]),
        (6_000, []),
        (6_001, ["amount_exceeds_balance"]),
    ],
)
def test_the_amount_is_positive_whole_won_and_within_the_balance(amount, expected):
    assert violations(asking(paid(refunded=4_000), amount)) == expected


@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [
        ("USD", "1.23", []),
        ("USD", "1.234", ["amount_too_precise"]),
        ("KWD", "1.234", []),
        ("BHD", "0.005", []),
        ("BHD", "0.0005", ["amount_too_precise"]),
        ("JPY", "0.5", ["amount_too_precise"]),
        ("CLF", "1.2345", ["currency_not_supported"]),
        ("BTC", "1", ["currency_not_supported"]),
    ],
)
def test_the_currency_decides_how_many_decimals_an_amount_has(currency, amount, expected):
    assert violations(asking(paid("paypal", "paypal", currency=currency), amount)) == expected


def test_too_high_amount_is_reported_with_the_requested_and_refundable_amount():
    violation = only_violation(asking(paid(refunded=4_000), 7_000))
    assert violation.field == "amount"
    assert "₩7,000" in violation.message
    assert "₩6,000" in violation.message


def test_too_precise_amount_is_reported_with_an_example_that_is_not_the_whole_payment():
    assert "like 1000." in only_violation(asking(paid(), "1.5")).message


@pytest.mark.parametrize(
    ("shown", "expected"),
    [(None, []), (6_000, []), ("6000.00", []), (10_000, ["balance_changed"]), (5_999, ["balance_changed"])],
)
def test_changed_balance_blocks_the_refund(shown, expected):
    payment = paid(refunded=4_000)
    assert violations(asking(payment, 1_000, expected_balance=won(shown))) == expected


def test_changed_balance_is_reported_before_an_exceeding_amount():
    violation = only_violation(asking(paid(refunded=4_000), 10_000, expected_balance=won(10_000)))
    assert violation.code == "balance_changed"
    assert "₩6,000" in violation.message


def test_unrefundable_payment_requires_no_account():
    payment = paid("danal_tpay", "vbank", refunded=10_000, status="cancelled")
    assert check(asking(payment, -1)).violations[0].code == "already_refunded"
    assert len(check(asking(payment, -1)).violations) == 1
    assert warnings(asking(payment, -1)) == []


def test_wrong_amount_and_missing_account_are_reported_together():
    assert violations(asking(paid(pay_method="vbank"), 10_001)) == [
        "amount_exceeds_balance",
        "account_required",
    ]


@pytest.mark.parametrize("amount", [-1, 10_001])
def test_wrong_amount_skips_the_rules_about_parts_and_costs(amount):
    payment = paid("kcp", "phone", escrow=True, tax_free=Decimal(5_000), has_promotion=True)
    verdict = check(asking(payment, amount, tax_free=won(-1), vat_amount=won(-1)))
    assert len(verdict.violations) == 1
    assert verdict.warnings == ()


@pytest.mark.parametrize(("has_promotion", "expected"), [(True, ["promotion"]), (False, [])])
def test_payment_with_a_promotion_warns_that_amounts_can_differ(has_promotion, expected):
    assert warnings(asking(paid(has_promotion=has_promotion))) == expected


def test_refund_costs_its_amount_plus_the_transfer_fee():
    assert merchant_cost(asking(paid(), 4_000)) == 4_000
    assert merchant_cost(asking(paid(pay_method="vbank"), 10_000)) == 10_300


def test_every_rule_has_a_message_and_every_message_a_rule():
    assert {rule.code for rule in ALL_RULES} == set(SENTENCES)
    assert len({rule.code for rule in ALL_RULES}) == len(ALL_RULES)


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_source_and_valid_placeholders(rule):
    assert rule.source
    assert set(re.findall(r"%\((\w+)\)s", SENTENCES[rule.code])) <= set(PLACEHOLDERS)
    message = rule.violation(asking(paid("ksnet", "vbank"))).message
    assert message.endswith(".")
    assert "%(" not in message


def test_every_violation_names_the_input_to_correct():
    assert {rule.field for rule in IMPOSSIBLE} == {""}
    assert {rule.field for rule in (*AMOUNT, *PARTIAL)} == {"amount"}
    inputs = [{rule.field for rule in group} for group in (*INPUTS[1:], *TAX_PARTS)]
    names = ["refund_bank", "refund_account", "refund_tel", "reason", "requester", "retain_promotion"]
    names += ["tax_free", "vat_amount"]
    assert inputs == [{name} for name in names]


def test_every_warning_names_the_input_that_avoids_it():
    fields = {rule.code: rule.field for rule in WARNINGS if rule.field}
    assert fields == {
        "points_partial": "amount",
        "foreign_card_partial": "amount",
        "promotion_may_refuse": "amount",
        "tax_free_counts_as_zero": "tax_free",
        "tax_free_of_discount": "tax_free",
        "tax_free_unchecked": "tax_free",
        "tax_parts_of_first_only": "tax_free",
        "phone_approved_anew": "amount",
        "welcome_partial": "amount",
        "paymentwall_partial": "amount",
        "vat_not_named": "vat_amount",
    }


def test_message_is_in_the_active_language():
    context = asking(paid(refunded=4_000), 7_000)
    with override("en"):
        english = only_violation(context).message
    with override("ko"):
        now = only_violation(context).message
        template = gettext(SENTENCES["amount_exceeds_balance"])
        assert now == template % {"asked": "₩7,000", "refundable": "₩6,000"}
    assert english.startswith("₩7,000 is more")


def test_dates_in_messages_are_in_korean_time():
    late_evening_in_utc = seoul(2026, 2, 1, 0, 30)
    violation = only_violation(asking(paid("danal", "phone", paid_at=late_evening_in_utc)))
    assert "2026-02-01" in violation.message
