"""Book the cancels of every reading that `payments` makes, and write what buyers are told of what the ledger books."""

from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from core.queue import enqueue
from payments.gateway import GatewayPayment
from payments.models import Payment
from payments.signals import payment_read
from refunds.ledger import Reading, book
from refunds.models import RefundRecord
from refunds.notices.outbox import note_accepted, note_ended, note_missed
from refunds.signals import refund_accepted, refund_missed, refund_settled
from refunds.tasks import mail_buyers


@receiver(payment_read, dispatch_uid="refunds.book_cancels")
def book_cancels(*, payment: Payment, gateway_payment: GatewayPayment, **_signal: Any) -> None:
    book(payment, gateway_payment, reading=Reading.LATER, now=timezone.now())


@receiver(refund_settled, dispatch_uid="refunds.notices.ended")
def tell_of_end(*, record: RefundRecord, **_signal: Any) -> None:
    if note_ended(record):
        enqueue(mail_buyers)


@receiver(refund_accepted, dispatch_uid="refunds.notices.accepted")
def tell_of_acceptance(*, record: RefundRecord, **_signal: Any) -> None:
    if note_accepted(record):
        enqueue(mail_buyers)


@receiver(refund_missed, dispatch_uid="refunds.notices.missed")
def tell_of_delay(*, record: RefundRecord, **_signal: Any) -> None:
    if note_missed(record):
        enqueue(mail_buyers)
