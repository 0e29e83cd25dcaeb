"""Partial cancels of payments with a promotion: the examples of the guide."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Cancel
from tests.sandbox_server import JSON, SandboxError, SandboxServer

TENTH = {
    "amount": 6_000,
    "promotion": {"id": "p", "discount": 600},
    "promotion_tiers": [{"minimum": 5_000, "percent": 10}],
}
FIXED = {
    "amount": 6_000,
    "promotion": {"id": "p", "discount": 1_000},
    "promotion_tiers": [{"minimum": 5_000, "off": 1_000}],
}
TWO_TIERS = {
    "amount": 20_000,
    "promotion": {"id": "p", "discount": 4_000},
    "promotion_tiers": [{"minimum": 5_000, "percent": 10}, {"minimum": 15_000, "percent": 20}],
}


@pytest.mark.parametrize(
    ("payment", "cancelled", "retain", "given_back"),
    [
        (TENTH, 2_000, True, 1_800),
        (TENTH, 2_000, False, 1_400),
        (FIXED, 2_000, True, 1_800),
        (FIXED, 2_000, False, 1_000),
        (FIXED, 1_000, False, 1_000),
        (TWO_TIERS, 10_000, False, 7_000),
        (TWO_TIERS, 10_000, True, 8_000),
    ],
)
def test_money_given_back_depends_on_the_option(
    sandbox: SandboxServer, cancel: Cancel, payment: JSON, cancelled: int, retain: bool, given_back: int
) -> None:
    imp_uid = sandbox.create_payment(**payment)["imp_uid"]

    answer = cancel(imp_uid=imp_uid, amount=cancelled, checksum=payment["amount"], retain_promotion=retain)
    rest = cancel(imp_uid=imp_uid, checksum=payment["amount"] - cancelled, retain_promotion=retain)

    assert answer["response"]["cancel_history"][0]["amount"] == given_back
    assert rest["response"]["cancel_amount"] == payment["amount"] - payment["promotion"]["discount"]


@pytest.mark.parametrize("amount", [500, 999])
def test_rest_that_would_cost_more_than_now_is_refused(sandbox: SandboxServer, cancel: Cancel, amount: int) -> None:
    payment = sandbox.create_payment(
        promotion={"id": "p", "discount": 1_000}, promotion_tiers=[{"minimum": 10_000, "percent": 10}]
    )

    assert cancel(imp_uid=payment["imp_uid"], amount=amount)["code"] == 1
    with pytest.raises(SandboxError, match="잔여 금액"):
        sandbox.console_cancel(payment["imp_uid"], amount)
    assert cancel(imp_uid=payment["imp_uid"], amount=amount, retain_promotion=True)["code"] == 0


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("in_console", [True, False])
def test_first_option_binds_later_cancels(
    sandbox: SandboxServer, cancel: Cancel, first: bool, in_console: bool
) -> None:
    imp_uid = sandbox.create_payment(**TENTH)["imp_uid"]
    if in_console:
        sandbox.console_cancel(imp_uid, 1_000, retain_promotion=first)
    else:
        cancel(imp_uid=imp_uid, amount=1_000, retain_promotion=first)

    other = cancel(imp_uid=imp_uid, amount=1_000, retain_promotion=not first)
    same = cancel(imp_uid=imp_uid, amount=1_000, retain_promotion=first)

    assert (other["code"], same["code"]) == (1, 0)
