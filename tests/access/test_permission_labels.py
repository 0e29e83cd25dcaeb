"""The forms of users and groups offer the permissions that the code checks, with labels, and remove no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from access.admin.permission_labels import SECTIONS, offered_permissions
from refunds.groups import GROUPS
from tests.factories import make_staff

pytestmark = pytest.mark.django_db

PROJECT_DIR = Path(__file__).resolve().parents[2]
PACKAGES = ("access", "config", "webhooks", "payments", "refunds")


def names(permissions: Any) -> set[str]:
    return {f"{each.content_type.app_label}.{each.codename}" for each in permissions}


def permission(name: str) -> Permission:
    return Permission.objects.get(content_type__app_label=name.split(".")[0], codename=name.split(".")[1])


def ids(page: Any, field: str) -> set[int]:
    offered = page.context["adminform"].form.fields[field].choices
    return {int(pk) for _section, choices in offered for pk, _words in choices}


def test_every_label_belongs_to_a_permission() -> None:
    known = {name for _title, words in SECTIONS for name in words}
    assert names(offered_permissions([])) == known


def test_permissions_of_the_default_groups_are_offered() -> None:
    wanted = {name for _title, permissions in GROUPS for name in permissions}
    assert wanted <= names(offered_permissions([]))


def test_permissions_checked_in_the_sources_are_offered() -> None:
    """Find permission names such as "webhooks.send_delivery" in the sources; users and groups are for superusers."""
    sources = [path for package in PACKAGES for path in (PROJECT_DIR / package).rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources if path.name != "permission_names.py")
    asked = {name for name in names(Permission.objects.all()) if f'"{name}"' in text}
    assert len(asked) > 5
    assert {name for name in asked if not name.startswith("auth.")} <= names(offered_permissions([]))


@pytest.mark.parametrize(
    ("language", "words", "others"),
    [("en", "Can view payments", "View: user"), ("ko", "결제를 볼 수 있음", "조회: 사용자")],
)
def test_permissions_are_named_in_the_readers_language(
    admin_client: Client, language: str, words: str, others: str
) -> None:
    group = Group.objects.create(name="group")
    group.permissions.add(permission("auth.view_user"))
    account = make_staff("view_user")
    admin_client.cookies["django_language"] = language
    for path in (f"group/{group.pk}", f"user/{account.pk}"):
        page = admin_client.get(f"/admin/auth/{path}/change/").text
        assert words in page
        assert others in page
        assert "axes" not in page
    assert words in admin_client.get("/admin/auth/group/add/").text


def test_form_saved_unchanged_changes_nothing(admin_client: Client) -> None:
    given = {permission(name) for name in ("auth.view_user", "payments.view_payment")}
    group, account = Group.objects.create(name="group"), make_staff()
    group.permissions.set(given)
    account.user_permissions.set(given)
    account.groups.add(group)

    url = f"/admin/auth/group/{group.pk}/change/"
    data = {"name": "renamed", "permissions": sorted(each.pk for each in given)}
    assert ids(admin_client.get(url), "permissions") >= set(data["permissions"])
    assert admin_client.post(url, data).status_code == 302
    url = f"/admin/auth/user/{account.pk}/change/"
    data = {"username": "renamed", "user_permissions": data["permissions"], "groups": group.pk, "is_active": "on"}
    data |= {"date_joined_0": "2026-01-02", "date_joined_1": "10:00:00"}
    assert ids(admin_client.get(url), "user_permissions") >= set(data["user_permissions"])
    assert admin_client.post(url, data).status_code == 302

    assert set(Group.objects.get(name="renamed").permissions.all()) == given
    assert set(User.objects.get(username="renamed").user_permissions.all()) == given
    assert list(User.objects.get(username="renamed").groups.all()) == [group]


def test_permission_that_is_not_offered_cannot_be_granted(admin_client: Client) -> None:
    group = Group.objects.create(name="group")
    url = f"/admin/auth/group/{group.pk}/change/"
    answer = admin_client.post(url, {"name": "group", "permissions": [permission("sessions.delete_session").pk]})
    assert answer.status_code == 200
    assert not group.permissions.exists()


def test_deletion_page_lists_no_rows_of_join_tables(admin_client: Client) -> None:
    account, group = make_staff("view_payment"), Group.objects.create(name="group")
    account.groups.add(group)
    for path in (f"user/{account.pk}", f"group/{group.pk}"):
        page = admin_client.get(f"/admin/auth/{path}/delete/").text
        assert "object (" not in page
        assert "relationship" not in page
    assert admin_client.post(f"/admin/auth/user/{account.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=account.pk).exists()


@pytest.mark.parametrize(("language", "words"), [("ko", "삭제…"), ("en", "Delete…")])
def test_delete_button_is_translated(admin_client: Client, language: str, words: str) -> None:
    group = Group.objects.create(name="group")
    admin_client.cookies["django_language"] = language
    page = admin_client.get(f"/admin/auth/group/{group.pk}/change/").text
    assert page.count(f"/admin/auth/group/{group.pk}/delete/") == 1
    assert words in page


def test_time_zone_note_is_korean(admin_client: Client) -> None:
    admin_client.cookies["django_language"] = "ko"
    scripts = admin_client.get("/admin/jsi18n/").text
    assert json.dumps("참고: 이 컴퓨터의 시각이 서버보다").strip('"') in scripts
    assert json.dumps("Note: 서버").strip('"') not in scripts
