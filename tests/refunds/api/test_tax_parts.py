"""`PATCH /payments/{number}`: the shop's server states the tax parts of a payment."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from payments.models import Payment
from tests.factories import make_payment, make_staff, make_user

pytestmark = pytest.mark.django_db

Parts = tuple[Any, Any]


def state(user: User, payment: Payment, body: object, number: str = "") -> tuple[int, dict[str, Any]]:
    client = Client()
    client.force_login(user)
    url = f"/payments/{number or payment.merchant_uid}"
    answer = client.patch(url, json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


def kept(payment: Payment) -> Parts:
    payment.refresh_from_db()
    return payment.tax_free, payment.vat_amount


@pytest.fixture
def server() -> User:
    return make_staff("refund_payment", "change_payment")


@pytest.fixture
def payment() -> Payment:
    return make_payment(user=make_user(), tax_free=Decimal(1_000))


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ({"tax_free": 3000, "vat_amount": 636}, (3_000, 636)),
        ({"vat_amount": 0}, (1_000, 0)),
        ({"tax_free": None}, (None, None)),
        ({}, (1_000, None)),
    ],
)
@pytest.mark.parametrize("by", ["merchant_uid", "imp_uid"])
def test_given_parts_are_stated_and_answered(
    server: User, payment: Payment, body: dict[str, Any], parts: Parts, by: str
) -> None:
    status, answer = state(server, payment, body, getattr(payment, by))
    assert (status, kept(payment)) == (200, parts)
    assert (answer["tax_free"], answer["vat_amount"], answer["imp_uid"]) == (*parts, payment.imp_uid)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"tax_free": 10_001}, "invalid_amount", "tax_free"),
        ({"vat_amount": 9_001}, "invalid_amount", "tax_free"),  # 1,000 is stated already
        ({"tax_free": -1}, "invalid_amount", "tax_free"),
        ({"tax_free": 0.5}, "invalid_amount", "tax_free"),
        ({"tax_free": "3000"}, "invalid_amount", "tax_free"),
        ({"vat_amount": True}, "invalid_amount", "vat_amount"),
        ({"vat": 1}, "unknown_field", "vat"),
        ({"amount": 1}, "unknown_field", "amount"),
    ],
)
def test_a_wrong_part_is_named_and_changes_nothing(
    server: User, payment: Payment, body: dict[str, Any], code: str, field: str
) -> None:
    status, answer = state(server, payment, body)
    assert (status, answer["code"], answer["violations"][0]["field"]) == (400, code, field)
    assert kept(payment) == (1_000, None)


@pytest.mark.parametrize(
    ("permissions", "status"), [((), 404), (("refund_payment",), 403), (("view_payment", "change_payment"), 403)]
)
def test_staff_need_both_permissions(payment: Payment, permissions: tuple[str, ...], status: int) -> None:
    assert state(make_staff(*permissions), payment, {"tax_free": 0})[0] == status
    assert kept(payment) == (1_000, None)


def test_a_buyer_states_nothing_of_their_own_order(payment: Payment) -> None:
    assert payment.user is not None
    assert state(payment.user, payment, {"tax_free": 10_000})[0] == 403
    assert kept(payment) == (1_000, None)
