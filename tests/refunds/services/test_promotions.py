"""Refunds of payments with a promotion, through the sandbox and through every reading of i'mport's amounts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from payments.gateway import Cancellation, CancelRequest, GatewayPayment, GatewayRejected
from payments.intake.mirror import mirror_payment
from payments.models import Payment
from refunds.errors import IdempotencyConflict, PolicyViolated, RefundRefused
from refunds.inputs import Actor, RefundRequest
from refunds.ledger.booking import set_totals
from refunds.models import RefundRecord, RefundSource
from refunds.services.refund import request_refund
from tests.factories import make_payment, make_refund, make_user, paid_at_sandbox
from tests.fakes import InstantGateway
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

ORDER, DISCOUNT = Decimal(10_000), Decimal(1_000)
ACTOR = Actor("tester")


def refund(payment: Payment, amount: int | None = None, **options: Any) -> RefundRecord:
    given = {name: options.pop(name) for name in ("gateway", "idempotency_key", "actor") if name in options}
    request = RefundRequest(amount=None if amount is None else Decimal(amount), **options)
    return request_refund(payment=payment, request=request, source=RefundSource.COMMAND, **{"actor": ACTOR} | given)


@pytest.fixture
def discounted(sandbox: SandboxServer) -> Payment:
    return paid_at_sandbox(sandbox, promotion={"id": "promotion-id-1", "discount": 1_000})


def test_the_promotion_is_stored_with_the_payment(discounted: Payment) -> None:
    assert (discounted.has_promotion, discounted.promotion_id) == (True, "promotion-id-1")
    assert discounted.promotion_discount == DISCOUNT


@pytest.mark.parametrize("retain", [True, False])
def test_the_option_is_sent_stored_and_binds_the_next_refund(
    sandbox: SandboxServer, discounted: Payment, retain: bool
) -> None:
    record = refund(discounted, 4_000, retain_promotion=retain)
    assert record.retain_promotion is retain
    assert sandbox.log("cancel")[-1]["params"]["retain_promotion"] is retain
    discounted.refresh_from_db()
    with pytest.raises(PolicyViolated) as raised:
        refund(discounted, 1_000, retain_promotion=not retain)
    assert raised.value.code == ("promotion_must_be_kept" if retain else "promotion_must_not_be_kept")
    assert refund(discounted, retain_promotion=retain).retain_promotion is retain
    discounted.refresh_from_db()
    assert discounted.is_fully_refunded


def test_a_payment_without_a_promotion_sends_no_option(sandbox: SandboxServer) -> None:
    record = refund(paid_at_sandbox(sandbox), retain_promotion=True)
    assert record.retain_promotion is None
    assert "retain_promotion" not in sandbox.log("cancel")[-1]["params"]


def test_the_same_key_with_the_other_option_is_another_request(discounted: Payment) -> None:
    buyer = Actor("buyer", make_user())
    first = refund(discounted, 4_000, actor=buyer, idempotency_key="k", retain_promotion=True)
    again = refund(discounted, 4_000, actor=buyer, idempotency_key="k", retain_promotion=True)
    assert first == again
    with pytest.raises(IdempotencyConflict):
        refund(discounted, 4_000, actor=buyer, idempotency_key="k")


# --- Before or after the discount: not documented -------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """Which of i'mport's amounts count after the discount. `checksum` is always the rest of the order."""

    amount_after: bool
    items_after: bool


class PromotionGateway(InstantGateway):
    """An order of 10,000 with 1,000 off: each cancel gives back its share of the 9,000 paid, the last one the rest."""

    def __init__(self, payment: Payment, reading: Reading) -> None:
        super().__init__(payment)
        self.reading, self.order_left, self.paid_left = reading, ORDER, ORDER - DISCOUNT

    def cancel(self, request: CancelRequest) -> GatewayPayment:
        if request.checksum != self.order_left or request.amount > self.order_left:
            raise GatewayRejected("checksum", gateway_code=1)
        return self.take(request.amount, request.reason)

    def take(self, asked: Decimal, reason: str = "") -> GatewayPayment:
        """Cancel a part of the order, as the API and the console do."""
        given = self.paid_left if asked == self.order_left else asked * 9 / 10
        self.order_left, self.paid_left = self.order_left - asked, self.paid_left - given
        amount = given if self.reading.items_after else asked
        name = f"cancel-{len(self.cancels)}"
        self.cancels.append(Cancellation(amount, timezone.now(), cancellation_id=name, reason=reason))
        return self.payment(self.imp_uid)

    def payment(self, imp_uid: str) -> GatewayPayment:
        amount = ORDER - DISCOUNT if self.reading.amount_after else ORDER
        shown = replace(super().payment(imp_uid), amount=amount)
        return replace(shown, has_promotion=True, promotion_id="p", promotion_discount=DISCOUNT)


BEFORE = [Reading(amount_after=False, items_after=True), Reading(amount_after=False, items_after=False)]
AFTER = [Reading(amount_after=True, items_after=True), Reading(amount_after=True, items_after=False)]


@pytest.fixture
def mirrored() -> Payment:
    return make_payment(amount=ORDER, has_promotion=True, promotion_discount=DISCOUNT)


@pytest.mark.parametrize("reading", BEFORE, ids=str)
@pytest.mark.parametrize("amounts", [[], [5_000], [1_000, 2_500], [9_000]], ids=str)
def test_an_order_is_refunded_to_its_end(mirrored: Payment, reading: Reading, amounts: list[int]) -> None:
    gateway = PromotionGateway(mirrored, reading)
    for amount in [*amounts, None]:
        refund(Payment.objects.get(pk=mirrored.pk), amount, gateway=gateway)
        mirrored.refresh_from_db()
        assert mirrored.cancel_amount == gateway.payment(mirrored.imp_uid).cancel_amount
        assert mirrored.refundable_amount == gateway.order_left
    assert mirrored.is_fully_refunded


@pytest.mark.parametrize("reading", [*BEFORE, *AFTER], ids=str)
def test_console_cancels_are_booked_as_shown(mirrored: Payment, reading: Reading) -> None:
    gateway = PromotionGateway(mirrored, reading)
    for asked in (4_000, 6_000):
        payment = mirror_payment(gateway.take(Decimal(asked)))
        assert payment.cancel_amount == gateway.payment(payment.imp_uid).cancel_amount
    assert 0 <= payment.refundable_amount <= DISCOUNT


@pytest.mark.parametrize("reading", AFTER, ids=str)
def test_an_unexpected_amount_moves_nothing_and_leaves_the_console(mirrored: Payment, reading: Reading) -> None:
    """IAMPORT_AMOUNT_AFTER_DISCOUNT is missing then: every checksum differs."""
    gateway = PromotionGateway(mirrored, reading)
    payment = mirror_payment(gateway.payment(mirrored.imp_uid))
    for amount in (4_000, None):
        with pytest.raises(RefundRefused):
            refund(payment, amount, gateway=gateway)
    payment = mirror_payment(gateway.take(ORDER))
    assert payment.is_fully_refunded


@pytest.mark.parametrize(("asked", "given"), [(5_000, 4_500), (9_000, 8_100)])
def test_discount_lapses_only_as_far_as_what_was_given_back_allows(mirrored: Payment, asked: int, given: int) -> None:
    """An i'mport whose checksum counts after the discount too must not leave a rest that nobody can refund."""
    mirrored.amount = ORDER - DISCOUNT
    record = make_refund(mirrored, amount=Decimal(asked), cancelled_amount=Decimal(given))
    set_totals(mirrored, [record])
    assert mirrored.refundable_amount > 0
    assert mirrored.cancel_amount == given
