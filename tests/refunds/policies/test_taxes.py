"""Rules about the tax-free and VAT parts of a refund, and the values sent to i'mport."""

import pytest

from refunds.policies import effective_tax_free, effective_vat
from tests.refunds.policies.cases import asking, only_violation, paid, violations, warnings, won

TAX_FREE_PGS = ["kcp", "kcp_quick", "kicc", "nice", "payco", "smartro_v2", "welcome"]
VAT_PGS = ["nice", "nice_v2", "html5_inicis", "welcome"]


def mixed(pg_provider="kcp", **fields):
    """Return a payment of 10,000 won, of which 3,000 are tax-free."""
    return paid(pg_provider, **{"tax_free_left": won(3_000)} | fields)


# --- Tax-free -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pg_provider", TAX_FREE_PGS)
def test_partial_refund_of_a_mixed_payment_needs_its_tax_free_part(pg_provider):
    assert violations(asking(mixed(pg_provider), 4_000)) == ["tax_free_required"]
    assert violations(asking(mixed(pg_provider), 4_000, tax_free=won(0))) == []


@pytest.mark.parametrize("pg_provider", ["html5_inicis", "nice_v2", "tosspayments"])
@pytest.mark.parametrize("amount", [4_000, None])
def test_other_pgs_neither_need_the_tax_free_part_nor_get_it_by_default(pg_provider, amount):
    context = asking(mixed(pg_provider), amount)
    assert violations(context) == []
    assert effective_tax_free(context) is None


@pytest.mark.parametrize("pg_provider", ["html5_inicis", "tosspayments", "kcp"])
def test_given_tax_free_part_is_sent_to_every_pg(pg_provider):
    context = asking(paid(pg_provider), 4_000, tax_free=won(1_000))
    assert violations(context) == []
    assert effective_tax_free(context) == 1_000


@pytest.mark.parametrize(
    ("left", "refunded", "amount", "sent"),
    [
        (3_000, 0, None, 3_000),
        (3_000, 0, 10_000, 3_000),
        (2_000, 5_000, 5_000, 2_000),
        (10_000, 0, 4_000, 4_000),
        (6_000, 4_000, 1_000, 1_000),
        (0, 0, 4_000, None),
        (0, 0, None, None),
        (None, 0, 4_000, None),
        (None, 0, None, None),
    ],
)
def test_only_possible_tax_free_part_is_sent_by_default(left, refunded, amount, sent):
    context = asking(paid("kcp", tax_free_left=won(left), refunded=refunded), amount)
    assert violations(context) == []
    assert effective_tax_free(context) == won(sent)


def test_given_tax_free_part_takes_precedence():
    assert effective_tax_free(asking(mixed(), 4_000, tax_free=won(1))) == 1
    assert effective_tax_free(asking(mixed(), 4_000, tax_free=won(0))) == 0
    assert effective_tax_free(asking(mixed(tax_free_left=won(10_000)), 4_000, tax_free=won(5))) == 5


@pytest.mark.parametrize(
    ("tax_free", "expected"),
    [
        (0, []),
        ("100.00", []),
        (-1, ["tax_free_negative"]),
        ("100.5", ["tax_free_too_precise"]),
        (2_000, []),
        (2_001, ["tax_free_exceeds_amount"]),
    ],
)
def test_the_tax_free_part_is_whole_won_within_the_amount(tax_free, expected):
    assert violations(asking(mixed(), 2_000, tax_free=won(tax_free))) == expected


@pytest.mark.parametrize(("tax_free", "expected"), [(3_000, []), (3_001, ["tax_free_exceeds_balance"])])
def test_the_tax_free_part_is_within_what_is_left_of_it(tax_free, expected):
    assert violations(asking(mixed(), 4_000, tax_free=won(tax_free))) == expected


@pytest.mark.parametrize(
    ("amount", "tax_free", "expected"),
    [
        (7_000, 0, []),
        (7_001, 0, ["tax_free_too_small"]),
        (7_001, 1, []),
        (10_000, 2_999, ["tax_free_too_small"]),
        (10_000, 3_000, []),
    ],
)
def test_the_taxable_part_is_within_what_is_left_of_it(amount, tax_free, expected):
    assert violations(asking(mixed(), amount, tax_free=won(tax_free))) == expected


def test_too_small_tax_free_part_is_reported_with_the_minimum():
    violation = only_violation(asking(mixed(), 9_000, tax_free=won(1)))
    assert violation.field == "tax_free"
    assert "₩2,000" in violation.message


@pytest.mark.parametrize(("amount", "tax_free"), [(4_000, 3_001), (9_000, 0)])
def test_promotion_disables_the_tax_limits(amount, tax_free):
    context = asking(mixed(has_promotion=True), amount, tax_free=won(tax_free))
    assert violations(context) == []


def test_promotion_makes_an_entirely_tax_free_balance_unknown():
    payment = mixed(tax_free_left=won(10_000), has_promotion=True)
    assert violations(asking(payment, 4_000)) == ["tax_free_required"]


@pytest.mark.parametrize(
    ("pg_provider", "left", "amount", "tax_free", "expected"),
    [
        ("kcp", None, 4_000, None, ["tax_parts_unknown"]),
        ("kcp", None, 4_000, 0, []),
        ("kcp", None, None, None, []),
        ("kcp", 0, 4_000, None, []),
        ("nice_v2", None, 4_000, None, []),
    ],
)
def test_unknown_tax_parts_warn(pg_provider, left, amount, tax_free, expected):
    context = asking(paid(pg_provider, tax_free_left=won(left)), amount, tax_free=won(tax_free))
    assert violations(context) == []
    assert warnings(context) == expected


# --- VAT ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pg_provider", VAT_PGS)
@pytest.mark.parametrize("amount", [None, 4_000])
def test_some_pgs_accept_the_vat(pg_provider, amount):
    context = asking(paid(pg_provider, tax_free_left=won(0)), amount, vat_amount=won(300))
    assert violations(context) == []
    assert effective_vat(context) == 300


@pytest.mark.parametrize(
    ("refunded", "amount", "expected"),
    [
        (0, 4_000, []),
        (6_000, None, []),
        (0, 10_000, ["vat_only_with_partial"]),
        (0, None, ["vat_only_with_partial"]),
    ],
)
def test_toss_pay_accepts_the_vat_of_partial_refunds(refunded, amount, expected):
    payment = paid("tosspay_v2", "tosspay", refunded=refunded)
    assert violations(asking(payment, amount, vat_amount=won(300))) == expected


@pytest.mark.parametrize("pg_provider", ["kcp", "tosspay", "tosspayments", "naverpay", "inicis"])
def test_other_pgs_do_not_accept_the_vat(pg_provider):
    payment = paid(pg_provider)
    given = asking(payment, 4_000, tax_free=won(0), vat_amount=won(300), reason="단순 변심")
    assert violations(given) == ["vat_not_supported"]
    assert violations(asking(payment, 4_000, tax_free=won(0), reason="단순 변심")) == []


@pytest.mark.parametrize(
    ("vat", "tax_free", "expected"),
    [
        (0, None, []),
        (-1, None, ["vat_negative"]),
        ("0.5", None, ["vat_too_precise"]),
        (4_000, None, []),
        (4_001, None, ["vat_exceeds_amount"]),
        (3_000, 1_000, []),
        (3_001, 1_000, ["vat_exceeds_amount"]),
    ],
)
def test_the_vat_is_whole_won_within_the_taxable_part_of_the_amount(vat, tax_free, expected):
    context = asking(paid(), 4_000, vat_amount=won(vat), tax_free=won(tax_free))
    assert violations(context) == expected


def test_default_tax_free_part_limits_the_vat():
    payment = mixed("nice")
    assert violations(asking(payment, vat_amount=won(7_000))) == []
    assert violations(asking(payment, vat_amount=won(7_001))) == ["vat_exceeds_amount"]


@pytest.mark.parametrize(
    ("vat", "left", "has_promotion", "expected"),
    [
        (909, 909, False, []),
        (910, 909, False, ["vat_exceeds_balance"]),
        (910, 909, True, []),
        (910, None, False, []),
    ],
)
def test_the_vat_is_within_what_is_left_of_it(vat, left, has_promotion, expected):
    payment = paid(vat_left=won(left), has_promotion=has_promotion)
    assert violations(asking(payment, vat_amount=won(vat))) == expected


@pytest.mark.parametrize(
    ("pg_provider", "left", "amount", "given", "sent"),
    [
        ("nice", 909, None, None, 909),
        ("nice", 909, None, 100, 100),
        ("nice", 909, None, 0, 0),
        ("nice", 909, 4_000, None, None),
        ("nice", 0, None, None, None),
        ("nice", None, None, None, None),
        ("kcp", 909, None, None, None),
        ("tosspay_v2", 909, None, None, None),
    ],
)
def test_whole_vat_is_sent_by_default_when_nothing_remains(pg_provider, left, amount, given, sent):
    payment = paid(pg_provider, vat_left=won(left), tax_free_left=won(0))
    assert effective_vat(asking(payment, amount, vat_amount=won(given))) == won(sent)


@pytest.mark.parametrize(
    ("pg_provider", "left", "amount", "given", "expected"),
    [
        ("nice", 909, 4_000, None, ["vat_not_named"]),
        ("tosspay_v2", 909, 4_000, None, ["vat_not_named"]),
        ("nice", 909, 4_000, 0, []),
        ("nice", 909, None, None, []),
        ("nice", 0, 4_000, None, []),
        ("nice", None, 4_000, None, []),
        ("kcp", 909, 4_000, None, []),
    ],
)
def test_partial_refund_without_vat_warns_if_vat_is_left(pg_provider, left, amount, given, expected):
    payment = paid(pg_provider, vat_left=won(left), tax_free_left=won(0))
    context = asking(payment, amount, vat_amount=won(given))
    assert violations(context) == []
    assert warnings(context) == expected
