"""Labels of the permissions that this application checks, in the reader's language."""

from collections.abc import Iterable, Iterator

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Choice = tuple[int, str]

SECTIONS: tuple[tuple[Promise, dict[str, Promise]], ...] = (
    (
        gettext_lazy("Refunds"),
        {
            "payments.view_payment": gettext_lazy("Can view payments"),
            "payments.change_payment": gettext_lazy("Can change a payment's buyer account and tax parts"),
            "refunds.view_refundrecord": gettext_lazy("Can view refunds"),
            "refunds.refund_payment": gettext_lazy("Can refund payments"),
            "refunds.add_note": gettext_lazy("Can add notes"),
            "refunds.approve_refund": gettext_lazy("Can approve refunds of others"),
            "refunds.resolve_refund": gettext_lazy("Can close refunds that need review"),
            "refunds.accept_reversal": gettext_lazy("Can accept refund reversals"),
            "refunds.view_reconciliationreport": gettext_lazy("Can view reconciliation reports"),
            "refunds.close_month": gettext_lazy("Can close months"),
            "refunds.manage_notices": gettext_lazy("Can edit e-mails to buyers and business days"),
            "refunds.view_account": gettext_lazy("Can view full refund accounts"),
            "refunds.view_refundreason": gettext_lazy("Can view refund reasons"),
            "refunds.add_refundreason": gettext_lazy("Can add refund reasons"),
            "refunds.change_refundreason": gettext_lazy("Can change refund reasons"),
            "refunds.delete_refundreason": gettext_lazy("Can delete refund reasons"),
        },
    ),
    (
        gettext_lazy("Webhooks"),
        {
            "webhooks.view_delivery": gettext_lazy("Can view deliveries"),
            "webhooks.send_delivery": gettext_lazy("Can send events again"),
            "webhooks.view_endpoint": gettext_lazy("Can view webhook endpoints"),
            "webhooks.add_endpoint": gettext_lazy("Can add webhook endpoints"),
            "webhooks.change_endpoint": gettext_lazy("Can change webhook endpoints"),
        },
    ),
    (
        gettext_lazy("Access"),
        {
            "access.view_apitoken": gettext_lazy("Can view API tokens"),
            "access.add_apitoken": gettext_lazy("Can add API tokens"),
            "access.change_apitoken": gettext_lazy("Can revoke API tokens"),
            "access.view_signinfailure": gettext_lazy("Can view failed sign-ins"),
            "access.view_authenticator": gettext_lazy("Can view two-factor devices"),
        },
    ),
)
# Django's default permissions of every other model.
_ACTIONS = {
    "add": gettext_lazy("Add: %(model)s"),
    "change": gettext_lazy("Change: %(model)s"),
    "delete": gettext_lazy("Delete: %(model)s"),
    "view": gettext_lazy("View: %(model)s"),
}


def offered_permissions(given: Iterable[int]) -> QuerySet[Permission]:
    """Return the permissions that are checked somewhere, and those already `given`, so that a form keeps them."""
    known = Q(pk__in=given)
    for _title, names in SECTIONS:
        for name in names:
            app_label, codename = name.split(".")
            known |= Q(content_type__app_label=app_label, codename=codename)
    return Permission.objects.filter(known).select_related("content_type")


def permission_choices(permissions: Iterable[Permission]) -> Iterator[tuple[str, list[Choice]]]:
    """Yield the permissions with their labels by section; last those that are given but never checked here."""
    left = {f"{each.content_type.app_label}.{each.codename}": each for each in permissions}
    for title, names in SECTIONS:
        yield str(title), [(left.pop(name).pk, str(label)) for name, label in names.items() if name in left]
    if left:
        yield _("Other"), [(each.pk, _label(each)) for each in left.values()]


def _label(permission: Permission) -> str:
    action, _separator, model = permission.codename.partition("_")
    if action in _ACTIONS and model == permission.content_type.model:
        return str(_ACTIONS[action]) % {"model": permission.content_type.name}
    return permission.name
