"""Refunds and amounts on the admin's pages. Python code uses `refund_badge` as well."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

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
    """Return the refund's state as a badge, with another one for what was taken back of it."""
    state = badge(COLOURS[RefundStatus(refund.status)], refund.get_status_display())
    if not refund.reversed_amount:
        return state
    amount = format_money(refund.reversed_amount, refund.payment.currency)
    return format_html("{} {}", state, badge("amber", gettext("%(amount)s reversed") % {"amount": amount}))


register.filter("money", format_money)
register.filter("message", message_of)
register.filter("next_step", next_step_of)
register.filter(safe_link)
register.filter(since)
