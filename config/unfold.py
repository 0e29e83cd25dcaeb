"""What the admin theme asks of this installation."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

IAMPORT_HOST = "api.iamport.kr"


def environment(request: HttpRequest) -> list[str] | None:  # noqa: ARG001 - the theme passes the request
    """A badge next to the title unless refunds move real money at i'mport."""
    if urlsplit(settings.IAMPORT_API_URL).hostname == IAMPORT_HOST:
        return None
    return [gettext("sandbox"), "warning"]


def stylesheet(request: HttpRequest) -> str:  # noqa: ARG001 - the theme passes the request
    """Our own styles; asked for per request because a hashed name is only known after collectstatic."""
    return static("refunds/admin/admin.css")


def _nav(title: Any, icon: str, view: str, *also: str) -> dict[str, Any]:
    app, _separator, model = view.partition("_")
    enough = (f"{app}.view_{model}", *also)
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{view}_changelist"),
        # A link that answers "403" is worse than none.
        "permission": lambda request: any(map(request.user.has_perm, enough)),
    }


SETTINGS: dict[str, Any] = {
    "SITE_TITLE": _("Refund desk"),
    "SITE_HEADER": _("Refund desk"),
    "SITE_SYMBOL": "currency_exchange",
    "SHOW_LANGUAGES": True,
    "ENVIRONMENT": "config.unfold.environment",
    "DASHBOARD_CALLBACK": "refunds.admin_home.dashboard",
    "BORDER_RADIUS": "6px",
    "STYLES": ["config.unfold.stylesheet"],
    "COLORS": {
        "primary": {
            "50": "oklch(98.4% .014 180.7)",
            "100": "oklch(95.3% .051 180.8)",
            "200": "oklch(91% .096 180.4)",
            "300": "oklch(85.5% .138 181.1)",
            "400": "oklch(77.7% .152 181.9)",
            "500": "oklch(70.4% .14 182.5)",
            "600": "oklch(60% .118 184.7)",
            "700": "oklch(51.1% .096 186.4)",
            "800": "oklch(43.7% .078 188.2)",
            "900": "oklch(38.6% .063 188.4)",
            "950": "oklch(27.7% .046 192.5)",
        }
    },
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": _("Refunds"),
                "items": [
                    _nav(_("Payments"), "payments", "payments_payment", "refunds.refund_payment"),
                    _nav(_("Refund ledger"), "receipt_long", "refunds_refundrecord", "refunds.refund_payment"),
                    _nav(_("Drift reports"), "compare_arrows", "refunds_driftreport", "refunds.resolve_refund"),
                ],
            },
            {
                "title": _("Events to the storefront"),
                "separator": True,
                "items": [
                    _nav(_("Deliveries"), "outgoing_mail", "outgoing_delivery", "outgoing.send_delivery"),
                    _nav(
                        _("Endpoints"),
                        "webhook",
                        "outgoing_endpoint",
                        "outgoing.add_endpoint",
                        "outgoing.change_endpoint",
                    ),
                ],
            },
            {
                "title": _("Access"),
                "separator": True,
                "items": [_nav(_("Users"), "person", "auth_user"), _nav(_("Groups"), "group", "auth_group")],
            },
        ],
    },
}
