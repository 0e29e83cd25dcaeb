"""Payments, mirrored from i'mport, and what keeps the mirror up to date."""

from payments.models.notifications import MirrorMark, Notification
from payments.models.payments import PAYMENT_TIME, Payment, PaymentQuerySet, PaymentStatus

__all__ = ["PAYMENT_TIME", "MirrorMark", "Notification", "Payment", "PaymentQuerySet", "PaymentStatus"]
