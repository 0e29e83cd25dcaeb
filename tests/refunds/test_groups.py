"""The default groups: their permissions, and that a shop's changes to them are kept."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db.models.signals import post_migrate
from django.utils.translation import override
from pytest_django import Settings

from refunds.groups import GROUPS, MIGRATION, make_groups, make_groups_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_groups(db: None) -> None:
    Group.objects.all().delete()


def may(name: str) -> set[str]:
    return set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))


def announce(*applied: str, undone: bool = False) -> None:
    plan = [(SimpleNamespace(app_label="refunds", name=name), undone) for name in applied]
    make_groups_once(app_config=apps.get_app_config("refunds"), using="default", plan=plan)


def test_each_group_has_the_permissions_of_its_name() -> None:
    make_groups()
    look = {"view_payment", "view_refundrecord", "view_reconciliationreport"}
    assert may("Refunds: view") == look
    refund = look | {"refund_payment", "add_note", "view_refundreason"}
    assert may("Refunds: refund") == refund
    assert may("Refunds: approve") == refund | {"approve_refund"}
    assert may("Refunds: view accounts") == look | {"view_account"}
    managers = may("Refunds: manage")
    assert managers >= look | {"refund_payment", "approve_refund", "resolve_refund", "accept_reversal", "add_apitoken"}
    assert "close_month" in managers
    assert managers >= {"add_refundreason", "change_refundreason", "delete_refundreason"}
    assert "view_account" not in managers
    assert not managers & {"add_user", "change_user", "change_group", "add_group"}


def test_the_names_are_in_the_installations_language(settings: Settings) -> None:
    settings.LANGUAGE_CODE = "ko"
    make_groups()
    with override("ko"):
        assert set(Group.objects.values_list("name", flat=True)) == {str(name) for name, _ in GROUPS}


def test_changes_of_a_shop_are_kept() -> None:
    make_groups()
    group = Group.objects.get(name="Refunds: view")
    group.permissions.set(Permission.objects.filter(codename="view_payment"))
    assert make_groups() == []
    assert may("Refunds: view") == {"view_payment"}


def test_groups_are_created_by_one_migration_only() -> None:
    announce("0002_other")
    announce(MIGRATION, undone=True)
    assert not Group.objects.exists()
    announce(MIGRATION, "0002_other")
    assert Group.objects.count() == len(GROUPS)


def test_a_deleted_group_stays_deleted() -> None:
    make_groups()
    Group.objects.get(name="Refunds: approve").delete()
    call_command("migrate", verbosity=0)
    assert Group.objects.count() == len(GROUPS) - 1


def test_group_creation_is_connected_to_post_migrate() -> None:
    assert "refunds.groups" in {receiver[0][0] for receiver in post_migrate.receivers}
