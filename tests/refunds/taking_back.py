"""Refund at a gateway in memory, then undo cancels there."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

from payments.models import Payment
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource
from refunds.services.refund import request_refund
from tests.factories import make_payment
from tests.fakes import InstantGateway


def refund(payment: Payment, gateway: InstantGateway | None, amount: int) -> RefundRecord:
    record = request_refund(
        payment=Payment.objects.get(pk=payment.pk),
        request=RefundRequest(amount=Decimal(amount), reason="size"),
        actor=Actor("staff"),
        source=RefundSource.ADMIN,
        gateway=gateway,
    )
    payment.refresh_from_db()
    return record


def refunded(*amounts: int, **fields: Any) -> tuple[Payment, InstantGateway]:
    """Return a payment of 10,000 with these refunds, and its gateway."""
    payment = make_payment(**fields)
    gateway = InstantGateway(payment)
    for amount in amounts:
        refund(payment, gateway, amount)
    return payment, gateway


def take_back(gateway: InstantGateway, *, place: int = 0, amount: int | None = None) -> None:
    """Undo one cancel at i'mport, or a part of it."""
    if amount is None:
        del gateway.cancels[place]
        return
    cancel = gateway.cancels[place]
    gateway.cancels[place] = dataclasses.replace(cancel, amount=cancel.amount - amount)
