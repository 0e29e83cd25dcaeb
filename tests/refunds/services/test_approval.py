"""Large refunds by staff need the approval permission, through every entry point."""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from access.tokens.service import create_token
from payments.models import Payment
from refunds.errors import ApprovalRequired
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundBatch, RefundEvent, RefundRecord, RefundSource
from refunds.services.preview import preview_refund
from refunds.services.refund import request_refund
from tests.admin_pages import codes, confirmation, fill, sign_in
from tests.factories import make_payment, make_refund, make_staff, make_user, paid_at_sandbox
from tests.fakes import InstantGateway
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

LIMIT = Decimal(5_000)


@pytest.fixture(autouse=True)
def limit(settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE = LIMIT


def cancel(client: Client, payment: Payment, amount: int, **headers: str) -> Any:
    body = {"imp_uid": payment.imp_uid, "cancel_request_amount": amount}
    return client.post("/payments/cancel", json.dumps(body), content_type="application/json", headers=headers)


def refund_as(user: Any, payment: Payment, amount: int) -> RefundRecord:
    return request_refund(
        payment=payment,
        request=RefundRequest(amount=Decimal(amount)),
        actor=Actor(user.get_username(), user),
        source=RefundSource.ADMIN,
        gateway=InstantGateway(payment),
    )


def test_the_api_refuses_staff_above_the_limit_and_records_nothing(client: Client) -> None:
    sign_in(client, make_staff("refund_payment"))
    answer = cancel(client, make_payment(), 5_001)

    assert (answer.status_code, answer.json()["code"]) == (403, "approval_required")
    assert answer.json()["violations"][0]["field"] == "amount"
    assert "₩5,000" in answer.json()["message"]
    assert not RefundRecord.objects.exists()
    assert not RefundEvent.objects.exists()


def test_up_to_the_limit_no_approval_is_needed(sandbox: SandboxServer, client: Client) -> None:
    sign_in(client, make_staff("refund_payment"))
    assert cancel(client, paid_at_sandbox(sandbox), 5_000).status_code == 200


def test_who_may_approve_refunds_any_amount(sandbox: SandboxServer, client: Client) -> None:
    sign_in(client, make_staff("refund_payment", "approve_refund"))
    assert cancel(client, paid_at_sandbox(sandbox), 10_000).status_code == 200


def test_a_token_may_no_more_than_its_account(client: Client) -> None:
    _token, text = create_token(user=make_staff("refund_payment"), name="shop")
    answer = cancel(client, make_payment(), 5_001, Authorization=f"Token {text}")
    assert (answer.status_code, answer.json()["code"]) == (403, "approval_required")


def test_the_admin_says_so_before_the_button_is_pressed(client: Client) -> None:
    sign_in(client, make_staff("refund_payment", "view_payment"))
    payment = make_payment()
    page = confirmation(client, payment)
    assert codes(page.text) == ["approval_required"]

    pressed = fill(client, page, {payment: {}})
    assert "approval_required" in codes(pressed.text)
    assert not RefundBatch.objects.exists()
    assert not RefundRecord.objects.exists()


def test_less_can_be_typed_on_the_same_page(sandbox: SandboxServer, client: Client) -> None:
    sign_in(client, make_staff("refund_payment", "view_payment"))
    payment = paid_at_sandbox(sandbox)
    fill(client, confirmation(client, payment), {payment: {"amount": "4000"}})
    assert payment.refunds.get().status == "succeeded"


def test_parts_by_one_person_count_together() -> None:
    payment, staff = make_payment(), make_staff("refund_payment")
    make_refund(payment, amount=Decimal(3_000), requested_by=staff)
    Payment.objects.update(cancel_amount=3_000)
    with pytest.raises(ApprovalRequired, match="already refunded ₩3,000 of this order"):
        refund_as(staff, payment, 2_001)


@pytest.mark.parametrize("cancelled", [2_000, 4_000])
def test_what_imort_really_cancelled_counts_and_not_what_was_asked(cancelled: int) -> None:
    payment, staff = make_payment(cancel_amount=Decimal(cancelled)), make_staff("refund_payment")
    make_refund(payment, amount=Decimal(3_000), cancelled_amount=Decimal(cancelled), requested_by=staff)
    with pytest.raises(ApprovalRequired, match=f"already refunded ₩{cancelled:,} of this order"):
        refund_as(staff, payment, 5_001 - cancelled)
    upto = RefundRequest(amount=LIMIT - cancelled)
    assert preview_refund(payment=payment, request=upto, user=staff).problems == ()


@pytest.mark.parametrize(("earlier", "field"), [(4_999, "amount"), (5_000, ""), (5_001, "")])
def test_the_amount_is_to_blame_only_while_less_of_it_would_do(client: Client, earlier: int, field: str) -> None:
    payment, staff = make_payment(cancel_amount=Decimal(earlier)), make_staff("refund_payment")
    make_refund(payment, amount=Decimal(earlier), requested_by=staff)
    sign_in(client, staff)
    answer = cancel(client, payment, 2).json()
    assert [(found["code"], found["field"]) for found in answer["violations"]] == [("approval_required", field)]


def test_what_failed_or_others_refunded_does_not_count() -> None:
    payment, staff = make_payment(), make_staff("refund_payment")
    make_refund(payment, amount=Decimal(3_000), requested_by=make_staff("refund_payment", name="other"))
    make_refund(payment, amount=Decimal(3_000), requested_by=staff, status="failed", error_code="refused_by_gateway")
    with pytest.raises(ApprovalRequired):
        refund_as(staff, payment, 5_001)


def test_other_currencies_always_need_approval() -> None:
    payment = make_payment(currency="USD", amount=Decimal(20))
    with pytest.raises(ApprovalRequired, match="USD"):
        refund_as(make_staff("refund_payment"), payment, 1)


def test_staff_who_bought_something_are_bound_for_their_own_order_too(client: Client) -> None:
    staff = make_staff("refund_payment")
    sign_in(client, staff)
    assert cancel(client, make_payment(user=staff), 5_001).status_code == 403


def test_buyers_and_operators_are_not_bound(sandbox: SandboxServer, client: Client) -> None:
    buyer = make_user()
    sign_in(client, buyer)
    assert cancel(client, paid_at_sandbox(sandbox, user=buyer), 10_000).status_code == 200
    call_command("refund", paid_at_sandbox(sandbox).imp_uid, stdout=StringIO())


def test_a_key_repeated_after_its_refund_is_no_second_refund(sandbox: SandboxServer, client: Client) -> None:
    sign_in(client, make_staff("refund_payment"))
    payment = paid_at_sandbox(sandbox)
    headers = {"Idempotency-Key": "k1"}
    assert cancel(client, payment, 4_000, **headers).status_code == 200
    assert cancel(client, payment, 4_000, **headers).status_code == 200
    assert cancel(client, payment, 4_000).status_code == 403


def test_without_a_limit_nobody_needs_approval(sandbox: SandboxServer, settings: Settings, client: Client) -> None:
    settings.REFUND_APPROVAL_ABOVE = Decimal(0)
    sign_in(client, make_staff("refund_payment"))
    assert cancel(client, paid_at_sandbox(sandbox), 10_000).status_code == 200
