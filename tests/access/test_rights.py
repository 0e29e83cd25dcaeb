"""Staff who may change users or groups, but are no superusers: they give no right that they do not have."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from access.models import ApiToken
from access.tokens.service import create_token
from tests.admin_pages import codes, sign_in
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db

OWN = ("change_user", "view_user", "add_user", "delete_user", "change_group", "view_group", "view_payment")
PASSWORD = "a-long-password-7"


@pytest.fixture
def manager() -> User:
    return make_staff(*OWN, name="manager")


@pytest.fixture
def staff(client: Client, manager: User) -> Client:
    return sign_in(client, manager)


def pk_of(codename: str) -> int:
    return Permission.objects.get(codename=codename).pk


def change(client: Client, user: User, **fields: Any) -> Any:
    form = {"username": user.username, "is_active": "on", "date_joined_0": "2026-01-02", "date_joined_1": "10:00:00"}
    return client.post(f"/admin/auth/user/{user.pk}/change/", form | fields)


@pytest.mark.parametrize("whom", ["manager", "colleague"])
def test_nobody_becomes_a_superuser(staff: Client, manager: User, whom: str) -> None:
    user = manager if whom == "manager" else make_user("colleague")
    change(staff, user, is_superuser="on", is_staff="on")
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (True, False)


@pytest.mark.parametrize("codename", ["refund_payment", "approve_refund", "view_account", "change_apitoken"])
@pytest.mark.parametrize("whom", ["manager", "colleague"])
def test_a_right_of_ones_own_can_be_given_and_another_cannot(
    staff: Client, manager: User, whom: str, codename: str
) -> None:
    user = manager if whom == "manager" else make_user("colleague")
    assert change(staff, user, user_permissions=[pk_of("view_payment"), pk_of(codename)]).status_code == 200
    assert not user.user_permissions.filter(codename=codename).exists()
    assert change(staff, user, user_permissions=[pk_of("view_payment")]).status_code == 302
    assert user.user_permissions.filter(codename="view_payment").exists()


def test_a_group_with_more_rights_can_neither_be_given_nor_changed(staff: Client, manager: User) -> None:
    strong, weak = Group.objects.create(name="strong"), Group.objects.create(name="weak")
    strong.permissions.add(pk_of("refund_payment"), pk_of("view_payment"))
    weak.permissions.add(pk_of("view_payment"))
    colleague = make_user("colleague")
    assert change(staff, colleague, groups=strong.pk).status_code == 200
    assert change(staff, colleague, groups=weak.pk).status_code == 302
    assert list(colleague.groups.all()) == [weak]

    def save(group: Group, *codenames: str) -> int:
        form = {"name": group.name, "permissions": [pk_of(name) for name in codenames]}
        return int(staff.post(f"/admin/auth/group/{group.pk}/change/", form).status_code)

    assert (save(strong, "view_payment"), save(weak, "view_payment")) == (403, 302)
    assert save(weak, "view_payment", "refund_payment") == 200
    assert not weak.permissions.filter(codename="refund_payment").exists()


@pytest.mark.parametrize("stronger", ["superuser", "permission", "group", "inactive"])
def test_a_stronger_account_can_be_viewed_but_not_taken_over(staff: Client, stronger: str) -> None:
    user = make_user("boss", is_superuser=stronger == "superuser", is_active=stronger != "inactive")
    if stronger in ("permission", "inactive"):
        user.user_permissions.add(pk_of("refund_payment"))
    if stronger == "group":
        user.groups.add(Group.objects.create(name="strong"))
        user.groups.get().permissions.add(pk_of("approve_refund"))
    page = f"/admin/auth/user/{user.pk}"
    assert staff.get(f"{page}/change/").status_code == 200
    assert change(staff, user, username="mine").status_code == 403
    new = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert staff.post(f"{page}/password/", new).status_code == 403
    assert staff.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": user.pk, "post": "yes"}
    staff.post("/admin/auth/user/", chosen)
    kept = User.objects.get(pk=user.pk)
    assert (kept.username, kept.password) == ("boss", user.password)


# --- API tokens after a new password ----------------------------------------------------------------------------


def new_password(client: Client, user: User, page: str, **fields: str) -> Any:
    if page == "own":
        form = {"old_password": "secret", "new_password1": PASSWORD, "new_password2": PASSWORD}
        return client.post("/admin/password_change/", form | fields)
    form = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    return client.post(f"/admin/auth/user/{user.pk}/password/", form | fields)


@pytest.mark.parametrize("page", ["own", "any"])
@pytest.mark.parametrize(("answer", "left"), [("revoke", 0), ("keep", 2)])
def test_a_new_password_asks_what_becomes_of_the_tokens(client: Client, page: str, answer: str, left: int) -> None:
    chief = make_user("chief", is_staff=True, is_superuser=True)
    user = chief if page == "own" else make_user("shop")
    for name in ("web server", "warehouse"):
        create_token(user=user, name=name)
    create_token(user=make_user("other"), name="other shop")
    sign_in(client, chief)

    url = "/admin/password_change/" if page == "own" else f"/admin/auth/user/{user.pk}/password/"
    shown = client.get(url).text
    assert all(name in shown for name in ("web server", "warehouse", "API tokens work without it"))
    assert "other shop" not in shown
    unanswered = new_password(client, user, page)
    assert (unanswered.status_code, codes(unanswered.text)) == (200, ["required"])
    user.refresh_from_db()
    assert user.check_password("secret")

    assert new_password(client, user, page, tokens=answer).status_code == 302
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert ApiToken.objects.filter(user=user, revoked_at=None).count() == left
    assert ApiToken.objects.filter(revoked_at=None).count() == left + 1
    assert LogEntry.objects.filter(change_message__contains="Revoked with a new password").count() == 2 - left


def test_without_valid_tokens_nothing_is_asked(client: Client) -> None:
    chief = make_user("chief", is_staff=True, is_superuser=True)
    token, _secret = create_token(user=chief, name="old")
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=token.created_at)
    sign_in(client, chief)
    assert "API tokens work" not in client.get("/admin/password_change/").text
    assert new_password(client, chief, "own").status_code == 302
