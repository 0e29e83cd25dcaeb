"""The button "Try again" of a failed refund: it leads to the confirmation, with what was asked for filled in."""

from django.http import HttpRequest

from payments.models import Payment
from refunds.admin.bulk_refund.views import confirmation_url
from refunds.models import FINAL_REFUSALS, FINAL_STEPS, RefundRecord, RefundStatus
from refunds.permissions import may_refund_any


def try_again_url(request: HttpRequest, refund: RefundRecord | None) -> str:
    """Return where this user may try a failed refund again; "" if it cannot succeed, or another one came after it."""
    if refund is None or refund.status != RefundStatus.FAILED or not may_refund_any(request.user):
        return ""
    is_final = refund.refusal_class in FINAL_REFUSALS or refund.refusal_step in FINAL_STEPS
    if is_final or refund.executed_late or refund.amount > refund.payment.refundable_amount:
        return ""
    if _latest(refund.payment) != refund:
        return ""
    return confirmation_url([refund.payment_id], again=str(refund.pk), next=request.get_full_path())


def _latest(payment: Payment) -> RefundRecord | None:
    return payment.refunds.order_by("-requested_at", "-pk").first()
