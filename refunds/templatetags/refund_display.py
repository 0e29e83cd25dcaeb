"""Refunds and amounts on the admin's pages. Python code uses `refund_badge` as well."""

from django import template
from django.utils.safestring import SafeString

from core.admin.display import badge, safe_link, since
from core.money import format_money
from refunds.messages import message_of, next_step_of
from refunds.models import RefundRecord, RefundStatus

register = template.Library()

COLOURS = {
    RefundStatus.REQUESTED: "blue",
    RefundStatus.PENDING: "blue",
    RefundStatus.UNKNOWN: "amber",
    RefundStatus.SUCCEEDED: "green",
    RefundStatus.FAILED: "red",
}


@register.filter
def refund_badge(refund: RefundRecord) -> SafeString:
    """Return the refund's state as a badge."""
    return badge(COLOURS[RefundStatus(refund.status)], refund.get_status_display())


register.filter("money", format_money)
register.filter("message", message_of)
register.filter("next_step", next_step_of)
register.filter(safe_link)
register.filter(since)
