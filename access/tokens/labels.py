"""Labels of a token's scopes and limits."""

from django.utils.translation import gettext as _

from access.models import ApiToken
from core.money import format_money


def scopes_in_words(token: ApiToken) -> str:
    """Return a label such as "Read and refund"."""
    if token.may_read and token.may_refund:
        return _("Read and refund")
    return _("Refund only") if token.may_refund else _("Read only")


def limits_in_words(token: ApiToken) -> tuple[str, str]:
    """Return the limits per refund and per day, such as ("at most ₩30,000 per refund", "no daily limit")."""
    currency = token.limit_currency
    once = _("no limit per refund")
    if token.max_amount is not None:
        once = _("at most %(amount)s per refund") % {"amount": format_money(token.max_amount, currency)}
    daily = _("no daily limit")
    if token.max_per_day is not None:
        daily = _("at most %(amount)s per day") % {"amount": format_money(token.max_per_day, currency)}
    return once, daily
