"""A valid API token authenticates its account within its scopes; only its hash is stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from access.api.permissions import MayUseApi
from access.models import ApiToken
from access.tokens.service import revoke_token
from refunds.models import RefundRecord
from tests.api_client import cancel, get, make_token
from tests.factories import make_payment, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


def test_only_the_hash_of_a_token_is_stored() -> None:
    token, secret = make_token()
    row = str(ApiToken.objects.values().get(pk=token.pk))
    assert secret.startswith("rd_")
    assert secret not in row
    assert secret[8:] not in row
    assert ApiToken.objects.get(pk=token.pk).secret == ""


@pytest.mark.parametrize("end", ["revoked", "expired", "account closed"])
def test_ended_token_gets_the_same_401_as_an_unknown_one(end: str) -> None:
    token, secret = make_token(expires_at=timezone.now() + timedelta(days=2))
    payment = make_payment()
    assert get(secret, f"/payments/{payment.merchant_uid}").status_code == 200
    if end == "revoked":
        assert revoke_token(token)
    elif end == "account closed":
        token.user.is_active = False
        token.user.save()
    with time_machine.travel(timezone.now() + timedelta(days=3 if end == "expired" else 0)):
        answer = get(secret, f"/payments/{payment.merchant_uid}")
    assert answer.status_code == 401
    assert answer.json() == get("rd_unknown", f"/payments/{payment.merchant_uid}").json()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Bearer {}", ""),
        ("bearer  {}", ""),
        ("Token {}", ""),
        ("{}", "The scheme is missing."),
        ("Bearer", "The token is missing."),
        ("Bearer Bearer {}", "A token contains no spaces."),
        ("Basic {}", "This API does not know the scheme “Basic”."),
        ("Bearer é", "Invalid token."),
    ],
)
def test_a_token_is_sent_as_bearer_or_token_and_anything_else_is_told_what_is_wrong(header: str, said: str) -> None:
    path = f"/payments/{make_payment().merchant_uid}"
    answer = Client().get(path, headers={"Authorization": header.format(make_token()[1])})
    if said:
        assert answer.json()["message"].startswith(said)
        assert answer["WWW-Authenticate"] == 'Bearer realm="api", Token realm="api"'
    assert answer.status_code == (401 if said else 200)


def test_a_browser_behind_a_proxy_with_basic_authentication_keeps_its_session() -> None:
    payment = make_payment(user=make_user())
    client = Client(headers={"Authorization": "Basic dXNlcjpwYXNz"})
    assert payment.user is not None
    client.force_login(payment.user)
    assert client.get(f"/payments/{payment.merchant_uid}").status_code == 200


def test_last_use_is_stored_at_most_once_a_minute() -> None:
    token, secret = make_token()
    start = timezone.now()
    writes = []
    for seconds in (0, 10, 59, 61):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            with CaptureQueriesContext(connection) as queries:
                get(secret, "/payments/nobody")
            writes.append(sum(query["sql"].startswith("UPDATE") for query in queries))
    assert writes == [1, 0, 0, 1]
    token.refresh_from_db()
    assert token.last_used_at == start + timedelta(seconds=61)


@pytest.mark.parametrize("given", ["to the account", "to two groups", "as superuser", "to nobody", "not to staff"])
def test_token_has_the_permissions_that_its_account_has_at_this_moment(given: str) -> None:
    owner, payment = make_user("shop", is_staff=given != "not to staff"), make_payment()
    _token, secret = make_token(user=owner)
    # Several, so that their names have to be told apart.
    permissions = Permission.objects.filter(codename__in=["view_refundrecord", "view_payment", "refund_payment"])
    assert get(secret, f"/payments/{payment.merchant_uid}").status_code == 404
    if given in {"to the account", "not to staff"}:
        owner.user_permissions.set(permissions)
    elif given == "to two groups":
        for number, permission in enumerate(permissions):
            group = Group.objects.create(name=f"desk {number}")
            group.permissions.add(permission)
            owner.groups.add(group)
    elif given == "as superuser":
        owner.is_superuser = True
        owner.save()
    answer = get(secret, f"/payments/{payment.merchant_uid}")
    assert answer.status_code == (404 if given in {"to nobody", "not to staff"} else 200)


def test_token_sees_the_same_payments_as_its_account() -> None:
    owner = make_user("buyer")
    theirs, other = make_payment(user=owner), make_payment()
    _token, secret = make_token(user=owner)
    assert get(secret, f"/payments/{theirs.merchant_uid}").status_code == 200
    assert get(secret, f"/payments/{other.merchant_uid}").status_code == 404
    assert cancel(secret, {"merchant_uid": other.merchant_uid}).status_code == 404


# --- Scopes ---------------------------------------------------------------------------------------------------


def test_read_only_token_cannot_refund(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    _token, secret = make_token(may_refund=False)
    assert get(secret, f"/payments/{payment.merchant_uid}/refunds").status_code == 200
    answer = cancel(secret, {"merchant_uid": payment.merchant_uid})
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (403, "token_scope", False)
    assert "can read but not refund" in answer.json()["message"]
    assert not RefundRecord.objects.exists()


def test_refund_only_token_cannot_read(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    _token, secret = make_token(may_read=False)
    answer = get(secret, f"/payments/{payment.merchant_uid}")
    assert (answer.status_code, answer.json()["code"]) == (403, "token_scope")
    assert "can refund but not read" in answer.json()["message"]
    assert cancel(secret, {"merchant_uid": payment.merchant_uid}).status_code == 200


def test_sessions_have_no_scopes(sandbox: SandboxServer, client: Client) -> None:
    buyer = make_user("buyer")
    payment = paid_at_sandbox(sandbox, user=buyer)
    client.force_login(buyer)
    assert client.get(f"/payments/{payment.merchant_uid}").status_code == 200
    body = {"merchant_uid": payment.merchant_uid}
    assert client.post("/payments/cancel", body, content_type="application/json").status_code == 200


def api_views(patterns: list[URLPattern | URLResolver]) -> Iterator[type[APIView]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from api_views(pattern.url_patterns)
        elif (view := getattr(pattern.callback, "cls", None)) and issubclass(view, APIView):
            yield view


def test_every_api_view_checks_scopes_unless_it_is_public() -> None:
    views = set(api_views(get_resolver().url_patterns))
    closed = {view for view in views if view.permission_classes != [AllowAny]}
    assert len(closed) >= 4
    assert [view.__name__ for view in closed if MayUseApi not in view.permission_classes] == []
    assert [view.__name__ for view in views if len(view.throttle_classes) != 4] == []


# --- Validation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"may_read": False, "may_refund": False}, "may_refund", "token_may_nothing"),
        ({"limit_currency": "XYZ"}, "limit_currency", "currency_unknown"),
        ({"max_amount": Decimal(0)}, "max_amount", "min_value"),
        ({"max_amount": Decimal(-1)}, "max_amount", "min_value"),
        ({"max_amount": Decimal("0.5")}, "max_amount", "amount_too_precise"),
        ({"max_per_day": Decimal("1e16")}, "max_per_day", "max_digits"),
        ({"max_amount": Decimal(2_000), "max_per_day": Decimal(1_000)}, "max_amount", "more_than_per_day"),
    ],
)
def test_invalid_token_is_rejected_with_a_code(fields: dict[str, Any], field: str, code: str) -> None:
    token = ApiToken(name="shop", user=make_user(), **fields)
    with pytest.raises(ValidationError) as caught:
        token.full_clean(exclude=["start", "digest"])
    assert [error.code for error in caught.value.error_dict[field]][:1] == [code]
