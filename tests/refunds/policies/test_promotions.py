"""Rules about promotions: the option that binds, and what the buyer is expected to receive."""

import pytest
from django.utils.translation import override

from refunds.models import RefundRecord
from refunds.policies import RefundContext, check, effective_retain, requirements
from tests.refunds.policies.cases import SOON_AFTER, asking, paid, violations, warnings, won


def order(amount=10_000, discount=1_000, **fields):
    return paid(amount=won(amount), promotion_discount=won(discount), has_promotion=True, **fields)


def earlier(*options, amount=1_000, **fields):
    """Return succeeded refunds that took these options; None: a console cancel, which does not show its option."""
    money = {"amount": won(amount), "cancelled_amount": won(amount)}
    return tuple(RefundRecord(status="succeeded", **money, retain_promotion=option, **fields) for option in options)


def told(context: RefundContext, code: str) -> str:
    with override("en"):
        return next(warning.message for warning in check(context).warnings if warning.code == code)


@pytest.mark.parametrize("retain", [True, False])
def test_the_option_is_sent_for_payments_with_a_promotion_only(retain):
    assert effective_retain(asking(order(), retain_promotion=retain)) is retain
    assert effective_retain(asking(paid(), retain_promotion=retain)) is None


@pytest.mark.parametrize(
    ("options", "retain", "expected"),
    [
        ([True], True, []),
        ([True], False, ["promotion_must_be_kept"]),
        ([False], False, []),
        ([False], True, ["promotion_must_not_be_kept"]),
        ([True, True], False, ["promotion_must_be_kept"]),
        # i'mport took our option after a console cancel, so that cancel took the same.
        ([None, False], True, ["promotion_must_not_be_kept"]),
        ([None], True, []),
        ([None], False, []),
    ],
)
@pytest.mark.parametrize("amount", [1_000, None])
def test_the_option_of_the_first_refund_binds_all_later_ones(options, retain, expected, amount):
    payment = order(refunded=1_000 * len(options))
    context = asking(payment, amount, earlier=earlier(*options), retain_promotion=retain)
    assert violations(context) == expected
    assert all(violation.field == "retain_promotion" for violation in check(context).violations)
    assert ("promotion_option_unknown" in warnings(context)) is (options == [None])


@pytest.mark.parametrize(("options", "expected"), [([], ["promotion_kept_by_shop_only"]), ([True], [])])
def test_a_buyer_keeps_a_promotion_only_after_the_shop_did(options, expected):
    payment = order(refunded=1_000 * len(options))
    context = asking(payment, 1_000, earlier=earlier(*options), retain_promotion=True, requester="customer")
    assert violations(context) == expected


def test_a_reversed_refund_binds_nothing():
    context = asking(order(), 2_000, earlier=earlier(True, reversed_amount=won(1_000)))
    assert violations(context) == []


def test_an_order_without_a_promotion_takes_no_option():
    context = asking(paid(refunded=1_000), earlier=earlier(True), retain_promotion=False)
    assert (violations(context), warnings(context)) == ([], [])


@pytest.mark.parametrize(
    ("amount", "discount", "asked", "retain", "code", "shown"),
    [
        (10_000, 1_000, None, False, "promotion_expected", "₩9,000"),
        (10_000, 1_000, None, True, "promotion_expected", "₩9,000"),
        # 10 % off 6,000 from 5,000: the examples of the guide.
        (6_000, 600, 2_000, True, "promotion_expected_kept", "₩1,800"),
        (6_000, 600, 2_000, False, "promotion_depends", "₩1,400"),
        # 1,000 off 6,000.
        (6_000, 1_000, 2_000, False, "promotion_depends", "₩1,000"),
        (10_000, 1_000, 500, False, "promotion_may_refuse", "₩1,000"),
        (10_000, 1_000, 1_000, False, "promotion_may_refuse", "₩1,000"),
        (10_000, 1_000, 1_001, False, "promotion_depends", "₩1"),
        (10_000, 1_000, 500, True, "promotion_expected_kept", "₩450"),
    ],
)
def test_what_the_buyer_receives_is_told_as_expected(amount, discount, asked, retain, code, shown):
    context = asking(order(amount, discount), asked, retain_promotion=retain)
    assert violations(context) == []
    assert warnings(context) == ["promotion", code]
    assert shown in told(context, code)


@pytest.mark.parametrize(
    ("payment", "asked"),
    [(order(refunded=2_000), None), (order(refunded=2_000), 1_000), (order(discount=0), None), (order(discount=0), 10)],
)
def test_no_amount_is_told_after_a_partial_refund_or_without_the_discount(payment, asked):
    context = asking(payment, asked, earlier=earlier(False, amount=2_000) if payment.cancel_amount else ())
    assert warnings(context) == ["promotion"]


@pytest.mark.parametrize(
    ("payment", "options", "expected"),
    [(paid(), [], (False, False)), (order(), [], (True, False)), (order(refunded=1_000), [True], (True, True))],
)
def test_forms_offer_the_option_as_it_was_taken(payment, options, expected):
    needs = requirements(payment, SOON_AFTER, frozenset(), won(0), earlier(*options))
    assert (needs.promotion, needs.promotion_kept) == expected
