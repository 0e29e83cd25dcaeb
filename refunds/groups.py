"""Groups for staff, created once. A shop may rename, change or delete them afterwards."""

from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from refunds.permissions import (
    ACCEPT_REVERSAL,
    ADD_NOTE,
    ADD_REASON,
    APPROVE,
    CHANGE_REASON,
    CLOSE_MONTH,
    DELETE_REASON,
    MANAGE_NOTICES,
    REFUND,
    RESOLVE,
    VIEW,
    VIEW_ACCOUNT,
    VIEW_REASONS,
    VIEW_REFUNDS,
    VIEW_REPORTS,
)

MIGRATION = "0001_initial"  # the one after which they are created

_LOOK = (VIEW, VIEW_REFUNDS, VIEW_REPORTS)
_REFUND = (*_LOOK, REFUND, ADD_NOTE, VIEW_REASONS)
_REASONS = (ADD_REASON, CHANGE_REASON, DELETE_REASON)
GROUPS: tuple[tuple[Promise, tuple[str, ...]], ...] = (
    (_("Refunds: view"), _LOOK),
    (_("Refunds: refund"), _REFUND),
    (_("Refunds: approve"), (*_REFUND, APPROVE)),
    (
        _("Refunds: manage"),
        (*_REFUND, APPROVE, RESOLVE, ACCEPT_REVERSAL, CLOSE_MONTH, MANAGE_NOTICES, *_REASONS),
    ),
    (_("Refunds: view accounts"), (*_LOOK, VIEW_ACCOUNT)),
)
MANAGERS = GROUPS[3][0]
# Managers get every permission of these apps: API tokens, webhook endpoints.
MANAGED_APPS = ("access", "webhooks")


def make_groups(using: str = "default") -> list[Group]:
    """Create the missing groups, named in the installation's language; return the new ones.

    An existing group of the same name is not changed.
    """
    made = []
    with override(settings.LANGUAGE_CODE):
        for name, permissions in GROUPS:
            group, is_new = Group.objects.using(using).get_or_create(name=str(name))
            if is_new:
                group.permissions.set(permissions_named(permissions, using, everything_of_apps=name is MANAGERS))
                made.append(group)
    return made


def make_groups_once(
    *, app_config: AppConfig, using: str, plan: Iterable[tuple[Any, bool]] = (), **_signal: Any
) -> None:
    """Create them after the initial migration only: a deleted group stays deleted."""
    came = any((step.app_label, step.name) == ("refunds", MIGRATION) and not undone for step, undone in plan)
    if app_config.label != "refunds" or not came:
        return
    for config in apps.get_app_configs():  # permissions of later apps do not exist yet
        create_permissions(config, verbosity=0, using=using)
    make_groups(using)


def permissions_named(
    names: Iterable[str], using: str = "default", *, everything_of_apps: bool = False
) -> Iterable[Permission]:
    """Return the permissions with these names, such as `refunds.view_refundrecord`."""
    wanted = Q(content_type__app_label__in=MANAGED_APPS) if everything_of_apps else Q(pk=None)
    for name in names:
        app_label, codename = name.split(".")
        wanted |= Q(content_type__app_label=app_label, codename=codename)
    return Permission.objects.using(using).filter(wanted)
