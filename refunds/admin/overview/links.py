"""Addresses of the lists that have exactly the rows of a figure."""

from datetime import date

from django.urls import reverse

from payments.admin.filters import EVER_PAID
from refunds.admin.overview.period import Period
from refunds.models import RefundStatus

_DAY_OF = {RefundStatus.SUCCEEDED: "cancelled_at", RefundStatus.FAILED: "settled_at"}


def ledger_url(**query: str) -> str:
    return reverse("admin:refunds_refundrecord_changelist", query=query)


def ended_url(status: RefundStatus, first: date, last: date, **query: str) -> str:
    """Return the list of the real refunds that ended so on these days in Asia/Seoul."""
    day = _DAY_OF[status]
    days = {f"{day}_from": str(first), f"{day}_to": str(last)}
    return ledger_url(status=status.value, **days, test="no", **query)


def paid_url(period: Period, currency: str) -> str:
    """Return the list of the real payments that were paid in the period."""
    days = {"paid_at_from": str(period.first), "paid_at_to": str(period.last)}
    query = {"state": EVER_PAID, **days, "test": "no", "currency": currency}
    return reverse("admin:payments_payment_changelist", query=query)
