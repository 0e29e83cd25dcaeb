"""What the page of an API token says of its refunds."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from access.admin.tokens import ApiTokenAdmin
from access.models import ApiToken
from core.money import format_money
from refunds.permissions import may_view_refunds
from refunds.services.token_limits import used_on_day


class RefundingTokenAdmin(ApiTokenAdmin):
    """It is registered by refunds because tokens do not know refunds."""

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        token = context.get("original")
        if token is not None and token.has_limit and may_view_refunds(request.user):
            context["refunded_today"] = _refunded_today(token)
        return super().render_change_form(request, context, *args, **kwargs)


def _refunded_today(token: ApiToken) -> str:
    """Such as "₩30,000 of ₩100,000"; a token without limits may refund in several currencies, so it has no sum."""
    used = format_money(used_on_day(token, timezone.now()), token.limit_currency)
    if token.max_per_day is None:
        return used
    limit = format_money(token.max_per_day, token.limit_currency)
    return _("%(used)s of %(limit)s") % {"used": used, "limit": limit}
