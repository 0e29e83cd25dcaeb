"""The page of an API token with what it refunded today."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from access.admin.tokens import ApiTokenAdmin
from access.models import ApiToken
from core.money import format_money
from refunds.permissions import may_view_refunds
from refunds.services.token_limits import used_on_day


class RefundingTokenAdmin(ApiTokenAdmin):
    """The tokens' admin with refunds; it is in this app because access must not import refunds."""

    def page_context(self, request: HttpRequest, obj: ApiToken) -> dict[str, Any]:
        context = super().page_context(request, obj)
        if obj.has_limit and may_view_refunds(request.user):
            context["refunded_today"] = _refunded_today(obj)
        return context


def _refunded_today(token: ApiToken) -> str:
    """Return a text such as "₩30,000 of ₩100,000". Only tokens with limits have a single currency to add up."""
    used = format_money(used_on_day(token, timezone.now()), token.limit_currency)
    if token.max_per_day is None:
        return used
    limit = format_money(token.max_per_day, token.limit_currency)
    return _("%(used)s of %(limit)s") % {"used": used, "limit": limit}
