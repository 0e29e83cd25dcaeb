"""What the service and the forms ask for, by payment."""

from decimal import Decimal

import pytest

from refunds.policies import (
    counts_partials,
    has_balance,
    needs_requester,
    requirements,
    sends_refund_number,
)
from tests.refunds.policies.cases import PAID_AT, SOON_AFTER, asking, paid, seoul, violations


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
