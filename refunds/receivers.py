"""Book the cancels of every reading that `payments` makes."""

from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from payments.gateway import GatewayPayment
from payments.models import Payment
from payments.signals import payment_read
from refunds.ledger import Reading, book


@receiver(payment_read, dispatch_uid="refunds.book_cancels")
def book_cancels(*, payment: Payment, gateway_payment: GatewayPayment, **_signal: Any) -> None:
    book(payment, gateway_payment, reading=Reading.LATER, now=timezone.now())
