"""Rules about the tax-free and VAT parts of a refund, and the values sent to i'mport."""

from decimal import Decimal

import pytest

from payments.gateway import Balance
from refunds.models import RefundRecord
from refunds.policies import RefundContext, effective_tax_free, effective_vat, requirements
from tests.refunds.policies.cases import SOON_AFTER, asking, only_violation, paid, violations, warnings, won

NEEDED = ["html5_inicis", "kcp", "kcp_quick", "kicc", "nice", "payco", "toss_brandpay", "welcome"]
OTHERS = ["uplus", "tosspayments", "nice_v2", "ksnet", "kakaopay", "tosspay_v2", "daou", "mobilians"]
VAT_PGS = ["nice", "nice_v2", "html5_inicis", "welcome"]


def mixed(pg_provider="kcp", pay_method="card", **fields):
    """Return a payment of 10,000 won, of which the shop has stated that 3,000 are tax-free."""
    return paid(pg_provider, pay_method, **{"tax_free": won(3_000)} | fields)


def contract(payment, amount=None, **fields):
    """Return the context of a refund by a shop that also sells tax-free goods through this PG."""
    return asking(payment, amount, contracts=[f"mixed_tax:{payment.pg_provider}"], **fields)


def after(payment, *refunds, **fields):
    """Return the context of refunding the rest after these refunds: amount, tax-free part and VAT."""
    earlier = tuple(
        RefundRecord(status="succeeded", amount=won(a), cancelled_amount=won(a), tax_free=won(t), vat_amount=won(v))
        for a, t, v in refunds
    )
    payment.cancel_amount = sum((record.amount for record in earlier), Decimal(0))
    return asking(payment, earlier=earlier, **fields)


# --- Shops that sell taxable goods only -----------------------------------------------------------------------------


@pytest.mark.parametrize("pg_provider", [*NEEDED, *OTHERS, "smartro_v2", "settle", "paypal_v2"])
@pytest.mark.parametrize("amount", [4_000, None])
def test_a_shop_without_tax_free_goods_is_asked_for_nothing_and_warned_of_nothing(pg_provider, amount):
    context = asking(paid(pg_provider), amount, contracts=["mixed_tax:danal"])
    about_taxes = [code for code in warnings(context) if "tax" in code or "vat" in code]
    assert (violations(context), about_taxes) == ([], [])
    assert (effective_tax_free(context), effective_vat(context)) == (None, None)


@pytest.mark.parametrize("pg_provider", ["html5_inicis", "tosspayments", "kcp"])
def test_given_tax_free_part_is_sent_without_a_contract_too(pg_provider):
    context = asking(paid(pg_provider), 4_000, tax_free=won(1_000))
    assert violations(context) == []
    assert effective_tax_free(context) == 1_000


# --- The tax-free part, by PG ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pg_provider", NEEDED)
@pytest.mark.parametrize("amount", [4_000, 10_000, None])
def test_where_a_missing_part_goes_wrong_it_is_asked_for_in_part_and_in_full(pg_provider, amount):
    violation = only_violation(contract(paid(pg_provider), amount))
    assert (violation.code, violation.field) == ("tax_free_required", "tax_free")
    for part in (0, 1_000):
        context = contract(paid(pg_provider), amount, tax_free=won(part))
        assert violations(context) == []
        assert effective_tax_free(context) == part


@pytest.mark.parametrize(
    ("amount", "expected"), [(4_000, ["tax_free_required"]), (9_999, ["tax_free_required"]), (None, [])]
)
def test_smartro_needs_the_part_of_partial_refunds_only(amount, expected):
    context = contract(paid("smartro_v2"), amount)
    assert violations(context) == expected
    assert effective_tax_free(asking(mixed("smartro_v2"))) is None


@pytest.mark.parametrize("pg_provider", OTHERS)
def test_other_pgs_count_a_missing_part_as_0_which_only_warns(pg_provider):
    context = contract(paid(pg_provider), 4_000)
    assert violations(context) == []
    assert "tax_free_counts_as_zero" in warnings(context)
    assert "tax_free_counts_as_zero" not in warnings(contract(paid(pg_provider), 4_000, tax_free=won(0)))


@pytest.mark.parametrize("pg_provider", NEEDED)
def test_stated_part_is_enough_without_a_contract(pg_provider):
    assert violations(asking(mixed(pg_provider), 4_000)) == ["tax_free_required"]
    assert effective_tax_free(asking(mixed(pg_provider))) == 3_000


def test_payment_stated_as_taxable_sends_0_where_the_shop_is_mixed():
    for pg_provider in NEEDED:
        context = contract(mixed(pg_provider, tax_free=won(0)), 4_000)
        assert violations(context) == []
        assert effective_tax_free(context) == 0, pg_provider
    assert effective_tax_free(asking(mixed(tax_free=won(0)), 4_000)) is None
    assert effective_tax_free(contract(mixed("uplus", tax_free=won(0)), 4_000)) is None


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "amount", "expected"),
    [
        ("daou", "card", 4_000, []),
        ("daou", "naverpay", 4_000, []),
        ("daou", "vbank", None, ["tax_free_not_supported"]),
        ("daou", "phone", None, ["tax_free_not_supported"]),
        ("daou", "kakaopay", None, []),
        ("daou", "kakaopay", 4_000, ["tax_free_not_supported"]),
        ("daou", "payco", 4_000, ["tax_free_not_supported"]),
        ("mobilians", "card", 4_000, []),
        ("mobilians", "payco", None, ["tax_free_not_supported"]),
        ("mobilians", "vbank", None, ["tax_free_not_supported"]),
        ("paypal_v2", "paypal", 4_000, ["tax_free_not_supported"]),
        ("paypal", "paypal", None, ["tax_free_not_supported"]),
        ("kakaopay", "kakaopay", 4_000, []),
    ],
)
def test_the_part_is_refused_where_the_pg_computes_it(pg_provider, pay_method, amount, expected):
    account = {"refund_holder": "홍길동", "refund_bank": "088", "refund_account": "110-123-456789"}
    context = asking(paid(pg_provider, pay_method), amount, tax_free=won(1_000), **account)
    assert [code for code in violations(context) if "tax" in code] == expected
    silent = contract(mixed(pg_provider, pay_method), amount, **account)
    if expected:
        assert effective_tax_free(silent) is None
        assert not [code for code in [*violations(silent), *warnings(silent)] if code.startswith("tax_free")]


def test_wallet_inside_kiwoom_pay_is_recognised():
    payment = paid("daou", "card", emb_pg_provider="kakaopay")
    assert violations(asking(payment, 4_000, tax_free=won(0))) == ["tax_free_not_supported"]


@pytest.mark.parametrize(("receipt", "expected"), [(False, ["tax_free_unchecked"]), (True, [])])
def test_part_that_smartro_does_not_check_is_warned_of(receipt, expected):
    payment = paid("smartro_v2", "vbank", cash_receipt_issued=receipt)
    found = warnings(contract(payment, 4_000, tax_free=won(0), refund_holder="홍", refund_bank="088",
                              refund_account="1101234567", refund_tel="010-1234-5678"))  # fmt: skip
    assert [code for code in found if "tax" in code] == expected


@pytest.mark.parametrize(("refunded", "expected"), [(0, []), (1_000, ["tax_parts_of_first_only"])])
def test_parts_that_mobilians_no_longer_counts_are_warned_of(refunded, expected):
    context = asking(paid("mobilians", refunded=refunded), 4_000, tax_free=won(0), vat_amount=won(100))
    assert violations(context) == []
    assert warnings(context) == expected


# --- What is left of it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "refunded", "amount", "sent"),
    [
        (3_000, [], None, 3_000),
        (3_000, [], 10_000, 3_000),
        (3_000, [(5_000, 1_000, None)], 5_000, 2_000),
        (3_000, [(2_000, 500, None), (2_000, 500, None)], None, 2_000),
        (3_000, [(5_000, 3_000, None)], 1_000, 0),
        (10_000, [], 4_000, 4_000),
        (10_000, [(4_000, 4_000, None)], 1_000, 1_000),
    ],
)
def test_only_possible_tax_free_part_is_sent_by_default(stated, refunded, amount, sent):
    context = after(mixed(tax_free=won(stated)), *refunded, amount=amount)
    assert violations(context) == []
    assert effective_tax_free(context) == won(sent)


@pytest.mark.parametrize("refunded", [(1_000, None, None), (9_000, 0, None)])
def test_part_that_does_not_follow_from_the_refunds_is_asked_for_without_limits(refunded):
    """A console cancel does not say its part, and one that took too little contradicts what was stated."""
    payment = mixed(tax_free=won(8_000))
    assert violations(after(payment, refunded)) == ["tax_free_required"]
    assert violations(after(payment, refunded, tax_free=won(0))) == []


def test_a_refund_of_another_amount_than_asked_makes_the_rest_unknown():
    earlier = RefundRecord(status="succeeded", amount=won(5_000), cancelled_amount=won(4_500), tax_free=won(1_000))
    assert violations(asking(mixed(refunded=4_500), earlier=(earlier,))) == ["tax_free_required"]


@pytest.mark.parametrize(("reversed_amount", "sent"), [(5_000, 3_000), (2_000, None)])
def test_reversed_refund_gives_its_part_back(reversed_amount, sent):
    """Of a refund that was taken back in part, nobody knows which part."""
    record = RefundRecord(
        status="succeeded",
        amount=won(5_000),
        cancelled_amount=won(5_000),
        tax_free=won(1_000),
        reversed_amount=won(reversed_amount),
    )
    assert effective_tax_free(asking(mixed(refunded=5_000 - reversed_amount), earlier=(record,))) == won(sent)


def test_given_tax_free_part_takes_precedence():
    assert effective_tax_free(asking(mixed(), 4_000, tax_free=won(1))) == 1
    assert effective_tax_free(asking(mixed(), 4_000, tax_free=won(0))) == 0
    assert effective_tax_free(asking(mixed(tax_free=won(10_000)), 4_000, tax_free=won(5))) == 5


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


@pytest.mark.parametrize("amount", [4_000, None])
def test_promotion_makes_the_part_left_unknown(amount):
    assert violations(asking(mixed(tax_free=won(10_000), has_promotion=True), amount)) == ["tax_free_required"]


# --- PAYCO's balance ------------------------------------------------------------------------------------------------


def at_payco(amount, balance, **fields) -> RefundContext:
    return asking(paid("payco", "payco"), amount, balance=Balance(*map(Decimal, balance)), **fields)


@pytest.mark.parametrize(
    ("amount", "balance", "expected", "sent"),
    [
        (None, (3_000, 0), [], 3_000),
        (4_000, (3_000, 0), ["tax_free_required"], None),
        (4_000, (0, 0), [], None),
        (None, (0, 0), [], None),
        (4_000, (10_000, 0), [], 4_000),
        # How the discount counts is not known: it decides nothing.
        (None, (3_000, 500), ["tax_free_required"], None),
        (None, (0, 500), ["tax_free_required"], None),
    ],
)
def test_balance_tells_the_tax_free_part(amount, balance, expected, sent):
    context = at_payco(amount, balance)
    assert violations(context) == expected
    assert effective_tax_free(context) == won(sent)


@pytest.mark.parametrize("part", [0, 3_000, 3_001, 3_500, 4_000])
def test_discount_on_tax_free_goods_sets_no_limit_but_warns(part):
    context = at_payco(4_000, (3_000, 500), tax_free=won(part))
    assert violations(context) == []
    assert warnings(context) == ["tax_free_of_discount"]


def test_balance_limits_the_tax_free_part():
    assert violations(at_payco(4_000, (3_000, 0), tax_free=won(3_001))) == ["tax_free_exceeds_balance"]


# --- VAT ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pg_provider", VAT_PGS)
@pytest.mark.parametrize("amount", [None, 4_000])
def test_some_pgs_accept_the_vat(pg_provider, amount):
    context = asking(paid(pg_provider), amount, vat_amount=won(300))
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


@pytest.mark.parametrize("pg_provider", ["kcp", "tosspay", "tosspayments", "kakaopay", "naverpay", "inicis", "daou"])
@pytest.mark.parametrize("stated", [None, 909])
def test_other_pgs_do_not_accept_the_vat(pg_provider, stated):
    payment = paid(pg_provider, vat_amount=won(stated))
    given = asking(payment, 4_000, tax_free=won(0), vat_amount=won(300), reason="단순 변심")
    assert violations(given) == ["vat_not_supported"]
    silent = asking(payment, tax_free=won(0), reason="단순 변심")
    assert (violations(silent), effective_vat(silent)) == ([], None)


@pytest.mark.parametrize(
    ("pay_method", "expected"),
    [("card", []), ("naverpay", []), ("phone", ["vat_not_supported"]), ("payco", ["vat_not_supported"])],
)
def test_mobilians_accepts_the_vat_of_cards_and_easy_pay(pay_method, expected):
    assert violations(asking(paid("mobilians", pay_method), vat_amount=won(300))) == expected


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
    ("vat", "stated", "has_promotion", "expected"),
    [
        (909, 909, False, []),
        (910, 909, False, ["vat_exceeds_balance"]),
        (910, 909, True, []),
        (910, None, False, []),
    ],
)
def test_the_vat_is_within_what_is_left_of_it(vat, stated, has_promotion, expected):
    payment = paid(vat_amount=won(stated), has_promotion=has_promotion)
    assert violations(asking(payment, vat_amount=won(vat))) == expected


@pytest.mark.parametrize(
    ("pg_provider", "stated", "amount", "given", "expected", "sent"),
    [
        ("nice", 909, None, None, [], 909),
        ("nice", 909, None, 100, [], 100),
        ("nice", 909, None, 0, [], 0),
        ("nice", 909, 4_000, None, ["vat_required"], None),
        ("nice", 909, 4_000, 0, [], 0),
        ("html5_inicis", 909, 4_000, None, ["vat_required"], None),
        ("nice_v2", 909, 4_000, None, ["vat_required"], None),
        ("welcome", 909, 4_000, None, ["vat_required"], None),
        ("tosspay_v2", 909, 4_000, None, ["vat_required"], None),
        ("tosspay_v2", 909, None, None, [], None),
        ("nice", 0, 4_000, None, [], 0),
        ("nice", None, 4_000, None, [], None),
        ("kcp", 909, 4_000, None, [], None),
        ("mobilians", 909, 4_000, None, [], None),
    ],
)
def test_stated_vat_is_needed_and_sent_whole_when_nothing_remains(pg_provider, stated, amount, given, expected, sent):
    context = asking(paid(pg_provider, vat_amount=won(stated)), amount, vat_amount=won(given))
    assert violations(context) == expected
    assert effective_vat(context) == won(sent)


def test_the_rest_of_the_vat_follows_from_the_refunds():
    assert effective_vat(after(paid("nice", vat_amount=won(909)), (4_000, None, 300))) == 609
    assert violations(after(paid("nice", vat_amount=won(909)), (4_000, None, None))) == ["vat_required"]


@pytest.mark.parametrize("pg_provider", [*VAT_PGS, "mobilians", "tosspay_v2"])
def test_mixed_shop_is_reminded_of_the_vat_where_it_may_have_been_stated(pg_provider):
    assert "vat_not_named" in warnings(contract(paid(pg_provider), 4_000, tax_free=won(0)))
    assert "vat_not_named" not in warnings(contract(paid(pg_provider), 4_000, tax_free=won(0), vat_amount=won(0)))
    assert "vat_not_named" not in warnings(asking(paid(pg_provider), 4_000, tax_free=won(0)))


# --- What forms ask for ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payment", "contracts", "expected"),
    [
        (paid("kcp"), [], (False, False, False)),
        (paid("kcp"), ["mixed_tax:kcp"], (True, True, True)),
        (paid("kcp"), ["mixed_tax:nice"], (False, False, False)),
        (mixed("kcp"), [], (True, False, True)),
        (mixed("kcp", tax_free=won(10_000)), [], (False, False, True)),
        (mixed("kcp", tax_free=won(0)), ["mixed_tax:kcp"], (False, False, False)),
        (paid("smartro_v2"), ["mixed_tax:smartro_v2"], (True, False, True)),
        (paid("uplus"), ["mixed_tax:uplus"], (False, False, True)),
        (paid("payco", "payco"), [], (False, False, True)),
    ],
)
def test_forms_ask_for_the_tax_free_part_where_it_is_needed(payment, contracts, expected):
    needs = requirements(payment, SOON_AFTER, frozenset(contracts), Decimal(0))
    assert (needs.tax_free, needs.tax_free_in_full, needs.takes_tax_free) == expected
