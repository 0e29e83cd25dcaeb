"""The mark of test payments, and texts to copy, to write to or to call. Python code uses these functions as well."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core.admin.display import copy_button, mail_link, tel_link
from payments.labels import method_and_pg, method_label, pg_label
from payments.models import Payment

register = template.Library()


@register.filter
def payment_method(payment: Payment) -> str:
    """Return "Card · KG Inicis"."""
    return method_and_pg(payment.pay_method, payment.pg_provider)


@register.filter
def test_mark(payment: Payment) -> SafeString:
    """Return a badge for a payment of a test channel, and nothing for a real one."""
    if not payment.sandbox:
        return SafeString("")
    title = _("Paid through a test channel: not real money, and in no total.")
    # The classes of the admin and of the storefront.
    return format_html('<span class="rd-badge rd-amber badge warn" title="{}">{}</span>', title, _("Test"))


register.filter("method", method_label)
register.filter("pg", pg_label)
register.filter(copy_button)
register.filter(mail_link)
register.filter(tel_link)
