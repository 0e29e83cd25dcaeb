"""Template tags of the login page."""

from django import template
from django.conf import settings
from django.contrib.auth import get_user_model

from refunds.demo.people import ACCOUNTS

register = template.Library()


@register.simple_tag
def demo_accounts() -> list[str]:
    """Return the usernames of the demo's accounts that exist; none without DEBUG."""
    if not settings.DEBUG:
        return []
    names = [account.username for account in ACCOUNTS]
    existing = get_user_model().objects.filter(username__in=names).values_list("username", flat=True)
    return [name for name in names if name in set(existing)]
