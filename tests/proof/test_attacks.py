"""Attacks in their shortest form. Most of them once worked or caused an error."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import CharField, DateTimeField, Model
from django.test import Client
from django.urls import reverse
from django.utils.translation import trans_real

from payments.models import Notification
from refunds.models import RefundRecord, StatementMonth
from tests.factories import make_payment, make_refund, make_staff, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

NUL_COOKIE = 'sessionid="abcdefghij\\000"'  # decoded to a NUL character, which PostgreSQL rejects in text


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def post_json(client: Client, path: str, body: str) -> Any:
    return client.post(path, body, content_type="application/json")


# --- Requests that cannot be read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/admin/", "/payments/order-1", "/?page=%00", "/payments/order-1?a=%00", "/?%00=a"]
)
def test_nul_character_in_a_cookie_or_query_is_rejected(path: str) -> None:
    headers = {"Cookie": NUL_COOKIE} if "%00" not in path else {}
    assert Client().get(path, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data; boundary=", "multipart/form-data", "application/x-www-form-urlencoded; charset=ibm850"],
)
@pytest.mark.parametrize("path", ["/nothing-here", "/accounts/login/", "/WEBHOOKS/IAMPORT", "/admin/login/"])
def test_unreadable_form_does_not_break_the_error_page(path: str, content_type: str) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Cookie": f"csrftoken={'a' * 32}"})
    assert client.post(path, b"x", content_type=content_type).status_code in (400, 403, 404)


def test_api_description_loads_no_language_that_a_client_names() -> None:
    for language in ("xx", "../../etc", "%00x", "a" * 500):
        assert Client().get("/api/schema", {"lang": language}).status_code in (200, 400)
    # Each language would stay in the cache for ever.
    assert not any(language.startswith(("xx", "..", "aaa")) for language in trans_real._translations)


# --- The admin's lists ----------------------------------------------------------------------------------------


def _lists() -> list[type[Model]]:
    """Return the models that have a list of the admin; the page of months takes neither filters nor actions."""
    return sorted(set(admin.site._registry) - {StatementMonth}, key=lambda model: model._meta.label)


def _actions(model: type[Model]) -> list[str]:
    own = admin.site._registry[model].actions or ()
    return ["delete_selected", *(action if isinstance(action, str) else action.__name__ for action in own)]


def _bad_lookups(model: type[Model]) -> list[tuple[str, str]]:
    texts = [field.name for field in model._meta.fields if isinstance(field, CharField)]
    moments = [field.name for field in model._meta.fields if isinstance(field, DateTimeField)]
    found = [(f"{name}__regex", "(") for name in texts] + [(f"{name}__year", "9" * 20) for name in moments]
    return [
        *found,
        ("pk__range", "1"),
        ("id__in", "9" * 40),
        ("user__password__startswith", "x"),
        ("password__regex", "("),
    ]


@pytest.mark.postgres  # which is the stricter one about values
@pytest.mark.parametrize("model", _lists(), ids=lambda model: model._meta.label)
def test_list_accepts_only_its_own_filters(admin_client: Client, model: type[Model]) -> None:
    address = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
    answers = {name: admin_client.get(address, {name: value}).status_code for name, value in _bad_lookups(model)}
    # The whole list is shown instead, with a message.
    assert answers == dict.fromkeys(answers, 302)


@pytest.mark.postgres
@pytest.mark.parametrize("model", _lists(), ids=lambda model: model._meta.label)
def test_action_on_invalid_ids_changes_nothing(admin_client: Client, model: type[Model]) -> None:
    address = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
    for action, chosen in product((*_actions(model), "nothing"), ("x", "\x00", "9" * 40, "-1e9")):
        answer = admin_client.post(address, {"action": action, "_selected_action": [chosen], "index": "0"})
        assert answer.status_code in (200, 302, 400, 403)
    assert User.objects.count() == 1


@pytest.mark.parametrize("key", ["x", "`", "9" * 40])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/admin/payments/payment/{}/change/", "user"),
        ("/admin/auth/user/{}/change/", "groups"),
        ("/admin/auth/group/add/", "permissions"),
    ],
)
def test_form_with_an_invalid_id_causes_no_server_error(admin_client: Client, path: str, field: str, key: str) -> None:
    row = make_payment() if "payment" in path else make_user()
    assert admin_client.post(path.format(row.pk), {field: key, "name": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/search/?s=a&page=x", 200),
        ("/admin/search/?s=%00", 400),
        ("/admin/search/?s=a", 200),
        ("/admin/autocomplete/?app_label=payments&model_name=payment&field_name=user&term=%00", 400),
        ("/admin/refunds/refundapproval/request/%00/", 302),
    ],
)
def test_admin_searches_accept_any_query(admin_client: Client, path: str, status: int) -> None:
    assert admin_client.get(path).status_code == status


# --- Other people's money and data ----------------------------------------------------------------------------


def test_staff_cannot_refund_an_order_by_assigning_it_to_themselves() -> None:
    staff, payment = make_staff("view_payment", "change_payment"), make_payment(user=make_user())
    address = f"/admin/payments/payment/{payment.pk}/change/"
    assert signed_in(staff).post(address, {"user": staff.pk}).status_code == 403
    payment.refresh_from_db()
    assert payment.user != staff


def test_two_buyers_may_use_the_same_idempotency_key(sandbox: SandboxServer) -> None:
    for name in ("first", "second"):
        payment = paid_at_sandbox(sandbox, user=make_user(name))
        body = json.dumps({"imp_uid": payment.imp_uid, "cancel_request_amount": 100})
        answer = signed_in(payment.user).post(
            "/payments/cancel", body, content_type="application/json", headers={"Idempotency-Key": "key"}
        )
        assert (answer.status_code, answer.json()["imp_uid"]) == (200, payment.imp_uid)
    assert RefundRecord.objects.filter(idempotency_key="key").count() == 2


@pytest.mark.parametrize("twice", ["cancel_request_amount", "merchant_uid"])
def test_duplicate_json_key_is_rejected(twice: str) -> None:
    payment = make_payment(user=make_user())
    body = {"merchant_uid": f'"{payment.merchant_uid}"', "cancel_request_amount": "1"}
    text = ",".join(f'"{name}":{value}' for name, value in [*body.items(), (twice, body[twice])])
    answer = post_json(signed_in(payment.user), "/payments/cancel", "{" + text + "}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("letter", ["\u202e", "\u2028", "\u2066", "\u0085"])
def test_bidi_characters_in_a_reason_affect_no_other_text(letter: str) -> None:
    payment = make_payment(user=make_user())
    body = json.dumps({"merchant_uid": payment.merchant_uid, "reason": f"a{letter}b"})
    assert post_json(signed_in(payment.user), "/payments/cancel", body).json()["code"] == "invalid_text"


@pytest.mark.django_db
def test_buyer_cannot_read_the_staffs_reason_for_closing_a_refund(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=make_user())
    refund = make_refund(payment, status="unknown", needs_review=True, refund_bank="", refund_account_last4="")
    staff = signed_in(make_staff("refund_payment", "resolve_refund"))
    page = f"/admin/refunds/refundrecord/{refund.pk}"
    assert staff.post(f"{page}/close/", {"reason": "SUSPECTED FRAUD"}).status_code == 302
    assert "SUSPECTED FRAUD" in staff.get(f"{page}/change/").text
    buyer = signed_in(payment.user)
    for address in (f"/refunds/{refund.number}", f"/orders/{payment.imp_uid}", "/", "/refunds"):
        assert "FRAUD" not in buyer.get(address).text


# --- Requests to i'mport --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "imp_uid", ["../users/getToken", "imp_1/balance", "a%2fb", "..", ".", "a?b=c", "a#b", "a;b", "<script>", "a,b"]
)
def test_notification_with_a_crafted_imp_uid_is_rejected(imp_uid: str) -> None:
    assert post_json(Client(), "/webhooks/iamport", json.dumps({"imp_uid": imp_uid})).status_code == 400
    assert not Notification.objects.exists()
