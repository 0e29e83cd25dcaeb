"""Cancels that are accepted first, and settled or refused later."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import NOON, Cancel
from tests.sandbox_server import JSON, SandboxServer

ACCOUNT = {
    "refund_holder": "홍길동",
    "refund_bank": "088",
    "refund_account": "110123456789",
    "refund_tel": "01012345678",
}


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"pg_provider": "smartro_v2", "pay_method": "vbank"}, ACCOUNT),
        ({"pg_provider": "paypal_v2", "pay_method": "paypal", "currency": "USD"}, {}),
        ({"pg_provider": "kicc", "pay_method": "wechat"}, {}),
        ({"pg_provider": "paymentwall"}, {}),
    ],
)
def test_slow_pg_only_accepts(sandbox: SandboxServer, cancel: Cancel, fields: JSON, body: JSON) -> None:
    payment = sandbox.create_payment(**fields)

    answer = cancel(imp_uid=payment["imp_uid"], amount=4_000, **body)

    assert answer["code"] == 0
    assert answer["response"]["cancel_history"] == []
    assert answer["response"]["status"] == "paid"
    settled = sandbox.settle(payment["imp_uid"])
    assert (settled["cancel_amount"], settled["pending_cancels"]) == (4_000, [])


def test_checksum_does_not_count_a_pending_cancel(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(pg_provider="paypal_v2")

    codes = [cancel(imp_uid=payment["imp_uid"], amount=6_000, checksum=10_000)["code"] for _ in range(2)]
    settled = sandbox.settle(payment["imp_uid"])

    assert codes == [0, 0]
    assert (settled["cancel_amount"], settled["pending_cancels"]) == (6_000, [])  # the second no longer fits


def test_refused_pending_cancel_leaves_the_payment_as_it_was(sandbox: SandboxServer, cancel: Cancel) -> None:
    before = sandbox.create_payment(pg_provider="paypal_v2")
    cancel(imp_uid=before["imp_uid"])

    assert sandbox.refuse(before["imp_uid"]) == before


def test_pending_cancel_settles_at_its_time(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(pg_provider="paypal_v2")
    sandbox.settings(async_settle_seconds=60)
    cancel(imp_uid=payment["imp_uid"])

    sandbox.settings(now=NOON + 59)
    early = sandbox.api("GET", f"payments/{payment['imp_uid']}").json()["response"]
    sandbox.settings(now=NOON + 60)
    late = sandbox.api("GET", f"payments/{payment['imp_uid']}").json()["response"]

    assert (early["cancel_amount"], late["cancel_amount"]) == (0, 10_000)


def test_pending_cancel_that_no_longer_fits_is_refused(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(pg_provider="paypal_v2")
    cancel(imp_uid=payment["imp_uid"], amount=8_000)
    sandbox.console_cancel(payment["imp_uid"], 5_000)

    settled = sandbox.settle(payment["imp_uid"])

    assert (settled["cancel_amount"], settled["pending_cancels"]) == (5_000, [])


@pytest.mark.parametrize(("end", "status"), [("pay", "paid"), ("fail", "failed")])
def test_pending_payment_ends_as_paid_or_failed(sandbox: SandboxServer, end: str, status: str) -> None:
    payment = sandbox.create_payment(pg_provider="paypal_v2", status="pending")

    assert getattr(sandbox, end)(payment["imp_uid"])["status"] == status


def test_smartro_tells_the_result_only_with_its_notice_url(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(pg_provider="smartro_v2", pay_method="vbank")
    sandbox.settings(async_settle_seconds=1, contracts={"smartro_v2_refund_notice": False})
    cancel(imp_uid=payment["imp_uid"], **ACCOUNT)

    sandbox.settings(now=NOON + 9_999)

    assert sandbox.api("GET", f"payments/{payment['imp_uid']}").json()["response"]["cancel_amount"] == 0
