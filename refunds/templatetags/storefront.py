"""Template tags of the sign-in pages."""

from django import template
from django.conf import settings

from payments.models import Payment
from refunds.demo.orders import ORDERS
from refunds.demo.people import ACCOUNTS, Account

register = template.Library()


@register.simple_tag
def demo_accounts(staff_only: bool) -> list[Account]:
    """Return the demo's accounts, whose passwords are public; none without DEBUG, or without the demo's orders."""
    if not settings.DEBUG or not Payment.objects.filter(imp_uid=ORDERS[0].imp_uid).exists():
        return []
    return [account for account in ACCOUNTS if account.is_staff or not staff_only]
