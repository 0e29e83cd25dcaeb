"""`manage.py api_token`, used by an operator and by a script."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from access.models import ApiToken
from access.tokens.service import create_token, find_token
from tests.factories import make_user
from tests.refunds.test_commands import run

pytestmark = pytest.mark.django_db


def test_command_prints_only_a_token_with_all_scopes_for_ninety_days() -> None:
    make_user("shop")
    code, text = run("api_token", "shop")
    token = find_token(text.removesuffix("\n"))
    assert code == 0
    assert token is not None
    assert (token.name, token.may_read, token.may_refund, token.has_limit) == ("manage.py api_token", True, True, False)
    assert token.expires_at is not None
    assert token.expires_at - timezone.now() > timedelta(days=89, hours=23)


def test_options_restrict_a_token() -> None:
    make_user("shop")
    options = ("--name", "shop web", "--days", "7", "--scope", "refund", "--currency", "usd")
    code, text = run("api_token", "shop", *options, "--max-amount", "1,000.50", "--max-per-day", "2000")
    token = find_token(text.strip())
    assert code == 0
    assert token is not None
    assert (token.name, token.may_read, token.may_refund) == ("shop web", False, True)
    assert (token.max_amount, token.max_per_day, token.limit_currency) == (Decimal("1000.50"), Decimal(2000), "USD")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nobody",),
        ("shop", "--days", "0"),
        ("shop", "--days", "999999999999"),
        ("shop", "--scope", "write"),
        ("shop", "--scope", ""),
        ("shop", "--max-amount", "many"),
        ("shop", "--max-amount", "0"),
        ("shop", "--max-amount", "0.5"),
        ("shop", "--max-amount", "2", "--max-per-day", "1"),
        ("shop", "--currency", "XYZ"),
        ("shop", "--name", ""),
        ("shop", "--name", "x" * 101),
        ("shop", "--json"),
        ("shop", "--list"),
        ("--list", "--revoke", "1"),
        ("--revoke", "999"),
        ("--revoke", "9" * 30),
        ("--revoke", ""),
        ("--revoke", "rd_\x00"),
        ("--revoke", "nonsense"),
    ],
)
def test_wrong_usage_creates_nothing_and_exits_with_2(arguments: tuple[str, ...]) -> None:
    make_user("shop")
    code, text = run("api_token", *arguments)
    assert code == 2
    assert "rd_" not in text
    assert not ApiToken.objects.exists()


def test_tokens_are_listed_for_people_and_for_scripts() -> None:
    token, secret = create_token(user=make_user("shop"), name="shop web", max_amount=Decimal(3_000))
    line = run("api_token", "--list")[1]
    for part in (str(token.pk), token.start, "shop web", "Read and refund", "₩3,000", "Active"):
        assert part in line
    document: dict[str, Any] = json.loads(run("api_token", "--list", "--json")[1])
    (listed,) = document["results"]
    assert document["ok"] is True
    assert (listed["id"], listed["start"], listed["user"], listed["state"]) == (token.pk, token.start, "shop", "active")
    assert (listed["scopes"], listed["max_amount"]) == (["read", "refund"], "3000")
    assert secret not in line + str(document)


@pytest.mark.parametrize("named_by", ["id", "start", "whole secret"])
def test_token_is_revoked_by_id_start_or_secret(named_by: str) -> None:
    token, secret = create_token(user=make_user("shop"), name="shop web")
    name = {"id": str(token.pk), "start": token.start, "whole secret": secret}[named_by]
    code, text = run("api_token", "--revoke", name)
    assert (code, "is revoked" in text) == (0, True)
    assert find_token(secret) is None
    assert secret not in text
    code, text = run("api_token", "--revoke", name)
    assert (code, "was already revoked" in text) == (0, True)


def test_ambiguous_prefix_revokes_no_token() -> None:
    user = make_user("shop")
    tokens = [create_token(user=user, name=name)[0] for name in ("one", "two")]
    code, text = run("api_token", "--revoke", "rd_")
    assert code == 2
    assert all(str(token.pk) in text for token in tokens)
    assert ApiToken.objects.revoked().count() == 0
