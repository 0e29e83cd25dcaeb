"""Refunds of test payments: by staff and operators only, and in no limit."""

from decimal import Decimal

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from payments.gateway.iamport.mapping import payment_from
from payments.intake.mirror import mirror_payment
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.inputs import RefundRequest
from refunds.models import RefundRecord
from refunds.services.preview import preview_refund, why_impossible
from tests.api_client import cancel, make_token
from tests.factories import make_payment, make_staff, make_user
from tests.payments.gateway.samples import payment_json
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


def paid_in_test(server: SandboxServer) -> Payment:
    uid = server.create_payment(sandbox=True, pg_provider="uplus", amount=10_000)["imp_uid"]
    list(sync_by_id([uid]))
    return Payment.objects.get(imp_uid=uid)


@pytest.mark.parametrize(("sent", "kept"), [(True, True), (False, False), (1, True), (None, False), ("true", True)])
def test_the_mark_comes_from_imort(sent: object, kept: bool) -> None:
    assert mirror_payment(payment_from(payment_json(sandbox=sent))).sandbox is kept
    assert mirror_payment(payment_from(payment_json(sandbox=True))).sandbox is True


def test_a_token_cannot_refund_a_test_payment(sandbox: SandboxServer) -> None:
    payment = paid_in_test(sandbox)
    answer = cancel(make_token()[1], {"imp_uid": payment.imp_uid})
    assert (answer.status_code, answer.json()["code"]) == (400, "test_payment")
    assert "staff" in answer.json()["message"]
    assert not RefundRecord.objects.exists()


def test_its_buyer_cannot_either_and_the_page_says_so(client: Client) -> None:
    buyer = make_user()
    payment = make_payment(user=buyer, sandbox=True)
    client.force_login(buyer)
    body = {"imp_uid": payment.imp_uid}
    answer = client.post("/payments/cancel", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "test_payment")
    page = client.get("/").content.decode()
    assert "This is a test payment" in page
    assert "data-ask" not in page
    impossible = why_impossible(payment)
    assert impossible is not None
    assert impossible.code == "test_payment"
    assert preview_refund(payment=payment, request=RefundRequest(), user=buyer).problems[0].code == "test_payment"


def test_staff_can_refund_it_whatever_the_approval_limit(
    sandbox: SandboxServer, client: Client, settings: Settings
) -> None:
    settings.REFUND_APPROVAL_ABOVE = Decimal(1_000)
    payment = paid_in_test(sandbox)
    client.force_login(make_staff("refund_payment"))
    body = {"imp_uid": payment.imp_uid}
    answer = client.post("/payments/cancel", body, content_type="application/json")
    assert (answer.status_code, answer.json()["sandbox"]) == (200, True)


def test_an_operator_can_refund_it(sandbox: SandboxServer) -> None:
    payment = paid_in_test(sandbox)
    call_command("refund", payment.imp_uid)
    assert Payment.objects.get().cancel_amount == 10_000
