"""Refunds in currencies with three decimals, two and none."""

from decimal import Decimal

import pytest

from payments.models import Payment
from refunds.errors import PolicyViolated
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource
from refunds.serialization import payment_json
from refunds.services.refund import request_refund
from tests.factories import make_payment
from tests.fakes import InstantGateway

pytestmark = pytest.mark.django_db


def refund(payment: Payment, amount: str | None = None) -> RefundRecord:
    request = RefundRequest(amount=None if amount is None else Decimal(amount))
    gateway = InstantGateway(payment)
    gateway.amount -= payment.cancel_amount
    return request_refund(
        payment=payment, request=request, actor=Actor("tester"), source=RefundSource.COMMAND, gateway=gateway
    )


@pytest.mark.parametrize(
    ("currency", "amount", "part", "left"),
    [
        ("KWD", 1.234, "0.234", 1),
        ("BHD", 0.005, "0.001", 0.004),
        ("IQD", 1000.25, "0.005", 1000.245),
        ("USD", 20.3, "0.1", 20.2),
        ("JPY", 1200, "1", 1199),
        ("VND", 250_000, "1", 249_999),
    ],
)
def test_a_part_and_the_whole_are_kept_exactly(currency: str, amount: float, part: str, left: float) -> None:
    payment = make_payment(currency=currency, amount=Decimal(str(amount)))
    refund(payment, part)
    payment = Payment.objects.get()
    shown = payment_json(payment)
    assert (shown["amount"], shown["refundable_amount"]) == (amount, left)
    whole = make_payment(currency=currency, amount=Decimal(str(amount)))
    assert refund(whole).cancelled_amount == Decimal(str(amount))


@pytest.mark.parametrize("currency", ["BTC", "CLF"])
def test_a_currency_that_is_not_kept_exactly_is_refused_before_anything_is_sent(currency: str) -> None:
    with pytest.raises(PolicyViolated) as raised:
        refund(make_payment(currency=currency, amount=Decimal("1.234")), "1")
    assert raised.value.code == "currency_not_supported"
    assert currency in raised.value.message
