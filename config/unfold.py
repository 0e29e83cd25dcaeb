"""Settings and callbacks of the admin theme."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

IAMPORT_HOST = "api.iamport.kr"


def environment(request: HttpRequest) -> list[str] | None:  # noqa: ARG001 - the theme passes the request
    """Return the badge next to the title, or None when refunds move real money at i'mport."""
    if urlsplit(settings.IAMPORT_API_URL).hostname == IAMPORT_HOST:
        return None
    return [gettext("sandbox"), "warning"]


def _static_file(path: str) -> Callable[[HttpRequest], str]:
    """Return a callable that resolves `path` per request: hashed names are only known after collectstatic."""
    return lambda request: static(path)  # noqa: ARG005 - the theme passes the request


def _nav(title: Any, icon: str, view: str, *also: str) -> dict[str, Any]:
    app, _separator, model = view.partition("_")
    enough = (f"{app}.view_{model}", *also)
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{view}_changelist"),
        # Hide links that would answer 403.
        "permission": lambda request: any(map(request.user.has_perm, enough)),
    }


# Loaded by every page of the admin, joined by `core.bundles`. templates/unfold/layouts/skeleton.html links them.
BUNDLES: dict[str, list[str]] = {
    "refunds/admin/all.css": [
        "unfold/css/styles.css",
        "unfold/css/simplebar/simplebar.css",
        "refunds/admin/theme.css",
        "refunds/admin/admin.css",
        "refunds/admin/lists.css",
        "refunds/admin/overview.css",
        "access/admin.css",
    ],
    "refunds/admin/all.js": [
        "unfold/js/alpine/alpine.anchor.js",
        "unfold/js/alpine/alpine.persist.js",
        "unfold/js/alpine/alpine.resize.js",
        "unfold/js/app.js",
        "unfold/js/alpine/alpine.js",
        "unfold/js/simplebar/simplebar.js",
        "refunds/admin/keyboard.js",
        "refunds/copy.js",
        "refunds/admin/selection.js",
        "refunds/admin/first_error.js",
    ],
}

SETTINGS: dict[str, Any] = {
    "SITE_TITLE": _("Refund desk"),
    "SITE_HEADER": _("Refund desk"),
    "SITE_SYMBOL": "currency_exchange",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static_file("storefront/icon.svg")}],
    "SHOW_LANGUAGES": True,
    "ENVIRONMENT": "config.unfold.environment",
    "DASHBOARD_CALLBACK": "refunds.admin.dashboard.dashboard",
    "ACCOUNT": {
        "navigation": [
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Two-factor sign-in"), "link": reverse_lazy("two-factor")},
        ]
    },
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": _("Refunds"),
                "items": [
                    _nav(_("Payments"), "payments", "payments_payment", "refunds.refund_payment"),
                    _nav(
                        pgettext_lazy("list", "Refunds"),
                        "receipt_long",
                        "refunds_refundrecord",
                        "refunds.refund_payment",
                    ),
                    _nav(
                        _("Approvals"),
                        "how_to_reg",
                        "refunds_refundapproval",
                        "refunds.approve_refund",
                        "refunds.refund_payment",
                        "refunds.view_refundrecord",
                    ),
                    _nav(
                        _("Bulk refunds"),
                        "playlist_add_check",
                        "refunds_refundbatch",
                        "payments.view_payment",
                        "refunds.refund_payment",
                    ),
                    _nav(
                        _("Reconciliation"), "compare_arrows", "refunds_reconciliationreport", "refunds.resolve_refund"
                    ),
                    _nav(
                        _("E-mails to buyers"),
                        "mail",
                        "refunds_buyernotice",
                        "refunds.view_refundrecord",
                        "refunds.refund_payment",
                        "refunds.manage_notices",
                    ),
                    _nav(_("Business days"), "event_busy", "refunds_businessdayexception", "refunds.manage_notices"),
                    _nav(
                        _("Monthly statements"),
                        "calendar_month",
                        "refunds_statementmonth",
                        "refunds.view_reconciliationreport",
                        "refunds.resolve_refund",
                    ),
                    _nav(_("Refund reasons"), "label", "refunds_refundreason", "refunds.change_refundreason"),
                ],
            },
            {
                "title": _("Webhooks"),
                "separator": True,
                "items": [
                    _nav(_("Deliveries"), "outgoing_mail", "webhooks_delivery", "webhooks.send_delivery"),
                    _nav(
                        _("Endpoints"),
                        "webhook",
                        "webhooks_endpoint",
                        "webhooks.add_endpoint",
                        "webhooks.change_endpoint",
                    ),
                ],
            },
            {
                "title": _("Access"),
                "separator": True,
                "items": [
                    _nav(_("Users"), "person", "auth_user"),
                    _nav(_("Groups"), "group", "auth_group"),
                    _nav(_("API tokens"), "key", "access_apitoken", "access.change_apitoken"),
                    _nav(_("Failed sign-ins"), "lock", "access_signinfailure"),
                    _nav(_("Two-factor devices"), "phonelink_lock", "access_authenticator"),
                ],
            },
        ],
    },
}
