"""A refund to show in previews. It is in no table."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from payments.models import Payment
from refunds.errors import RefundRefused
from refunds.models import NoticeKind, RefundRecord, RefundStatus, RefusalClass

_STATUS = {
    NoticeKind.REFUNDED: RefundStatus.SUCCEEDED,
    NoticeKind.ACCEPTED: RefundStatus.PENDING,
    NoticeKind.REFUSED: RefundStatus.FAILED,
    NoticeKind.LATE: RefundStatus.PENDING,
}


def sample_refund(kind: str, language: str) -> RefundRecord:
    """Return an invented refund of 24,000 won, in a state that a mail of this kind is about."""
    with translation.override(language):
        goods, name = _("Linen shirt"), _("Hong Gildong")
    payment = Payment(
        merchant_uid="20261126-0042",
        name=goods,
        buyer_name=name,
        buyer_email="buyer@example.com",
        amount=Decimal(39_000),
        pay_method="card",
    )
    status = _STATUS[NoticeKind(kind)]
    is_done = status == RefundStatus.SUCCEEDED
    return RefundRecord(
        payment=payment,
        number="R7K3M9Q2X4P",
        status=status,
        amount=Decimal(24_000),
        cancelled_amount=Decimal(24_000) if is_done else None,
        expected_by=timezone.localdate() + timedelta(days=7) if is_done else None,
        error_code=RefundRefused.code if status == RefundStatus.FAILED else "",
        refusal_class=RefusalClass.PERIOD_OVER if status == RefundStatus.FAILED else "",
    )
