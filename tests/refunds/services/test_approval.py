"""Refunds above a limit become requests for a second person, through every entry point."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from access.tokens.service import create_token
from payments.models import Payment
from refunds.errors import AwaitingApproval
from refunds.inputs import Actor, RefundRequest
from refunds.models import ApprovalRule, RefundApproval, RefundEvent, RefundRecord, RefundSource
from refunds.services.approval_limits import left_today
from refunds.services.preview import preview_refund
from refunds.services.refund import request_refund
from refunds.services.token_limits import used_on_day
from tests.admin_pages import confirmation, fill, sign_in
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


def test_the_api_makes_a_request_above_the_limit_and_no_refund(client: Client) -> None:
    sign_in(client, make_staff("refund_payment"))
    payment = make_payment()
    answer = cancel(client, payment, 5_001)

    assert (answer.status_code, answer.json()["code"]) == (202, "awaiting_approval")
    approval = RefundApproval.objects.get()
    assert (approval.rule, approval.limit_amount, approval.amount) == (ApprovalRule.PER_REFUND, LIMIT, 5_001)
    shown = answer.json()["approval"]
    assert (shown["number"], shown["status"], shown["refund"]) == (approval.number, "waiting", None)
    assert not RefundRecord.objects.exists()
    assert not RefundEvent.objects.exists()
    again = cancel(client, payment, 1_000)
    assert (again.status_code, again.json()["code"]) == (409, "approval_waiting")


def test_up_to_the_limit_no_approval_is_needed(sandbox: SandboxServer, client: Client) -> None:
    sign_in(client, make_staff("refund_payment"))
    assert cancel(client, paid_at_sandbox(sandbox), 5_000).status_code == 200


def test_who_may_approve_needs_a_second_person_too(client: Client) -> None:
    sign_in(client, make_staff("refund_payment", "approve_refund"))
    assert cancel(client, make_payment(), 10_000).json()["code"] == "awaiting_approval"


def test_a_token_may_no_more_than_its_account(client: Client) -> None:
    _token, text = create_token(user=make_staff("refund_payment"), name="shop")
    answer = cancel(client, make_payment(), 5_001, Authorization=f"Token {text}")
    assert (answer.status_code, answer.json()["code"]) == (202, "awaiting_approval")


def test_a_token_requests_nothing_above_its_own_limit(client: Client) -> None:
    _token, text = create_token(user=make_staff("refund_payment"), name="shop", max_amount=Decimal(8_000))
    answer = cancel(client, make_payment(), 8_001, Authorization=f"Token {text}")
    assert answer.json()["code"] == "token_amount_limit"
    assert not RefundApproval.objects.exists()


def test_the_admin_says_so_before_the_button_is_pressed(client: Client) -> None:
    sign_in(client, make_staff("refund_payment", "view_payment"))
    payment = make_payment()
    page = confirmation(client, payment)
    assert 'data-code="needs_approval"' in page.text

    fill(client, page, {payment: {}})
    assert RefundApproval.objects.get().payment == payment
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
    with pytest.raises(AwaitingApproval):
        refund_as(staff, payment, 2_001)


@pytest.mark.parametrize("cancelled", [2_000, 4_000])
def test_what_imort_really_cancelled_counts_and_not_what_was_asked(cancelled: int) -> None:
    payment, staff = make_payment(cancel_amount=Decimal(cancelled)), make_staff("refund_payment")
    make_refund(payment, amount=Decimal(3_000), cancelled_amount=Decimal(cancelled), requested_by=staff)
    with pytest.raises(AwaitingApproval):
        refund_as(staff, payment, 5_001 - cancelled)
    others = make_payment(cancel_amount=Decimal(cancelled))
    make_refund(others, amount=Decimal(3_000), cancelled_amount=Decimal(cancelled), requested_by=staff)
    upto = RefundRequest(amount=LIMIT - cancelled)
    assert preview_refund(payment=others, request=upto, user=staff).approval is None
    above = RefundRequest(amount=LIMIT - cancelled + 1)
    need = preview_refund(payment=others, request=above, user=staff).approval
    assert need is not None
    assert f"already refunded ₩{cancelled:,} of this order" in need.message


def test_what_failed_or_others_refunded_does_not_count() -> None:
    payment, staff = make_payment(), make_staff("refund_payment")
    make_refund(payment, amount=Decimal(3_000), requested_by=make_staff("refund_payment", name="other"))
    make_refund(payment, amount=Decimal(3_000), requested_by=staff, status="failed", error_code="refused_by_gateway")
    with pytest.raises(AwaitingApproval):
        refund_as(staff, payment, 5_001)


def test_other_currencies_always_need_approval() -> None:
    payment = make_payment(currency="USD", amount=Decimal(20))
    with pytest.raises(AwaitingApproval):
        refund_as(make_staff("refund_payment"), payment, 1)


def test_staff_who_bought_something_are_bound_for_their_own_order_too(client: Client) -> None:
    staff = make_staff("refund_payment")
    sign_in(client, staff)
    assert cancel(client, make_payment(user=staff), 5_001).status_code == 202


def test_buyers_are_not_bound(sandbox: SandboxServer, client: Client) -> None:
    buyer = make_user()
    sign_in(client, buyer)
    assert cancel(client, paid_at_sandbox(sandbox, user=buyer), 10_000).status_code == 200


def test_the_command_line_is_bound(sandbox: SandboxServer) -> None:
    payment, out, err = paid_at_sandbox(sandbox), StringIO(), StringIO()
    make_staff("approve_refund", name="boss")
    with pytest.raises(SystemExit) as exited:
        call_command("refund", payment.imp_uid, stdout=out, stderr=err)
    approval = RefundApproval.objects.get()
    assert exited.value.code == 1
    assert approval.number in err.getvalue()
    assert "These can approve it: boss. It waits at " in err.getvalue()
    assert (approval.source, approval.requested_by, approval.requested_by_name[:9]) == ("command", None, "manage.py")
    assert not payment.refunds.exists()
    preview = preview_refund(payment=make_payment(), request=RefundRequest(), operator=approval.requested_by_name)
    assert [warning.code for warning in preview.warnings] == ["approval_required"]


def test_the_limit_of_the_day_counts_one_persons_refunds_in_seoul(settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE, settings.REFUND_APPROVAL_DAILY = Decimal(0), Decimal(6_000)
    staff, other = make_staff("refund_payment"), make_staff("refund_payment", name="other")
    assert refund_as(staff, make_payment(), 4_000).status == "succeeded"
    assert refund_as(other, make_payment(), 4_000).status == "succeeded"
    assert refund_as(staff, make_payment(), 2_000).status == "succeeded"
    with pytest.raises(AwaitingApproval) as raised:
        refund_as(staff, make_payment(), 1)
    assert raised.value.approval.rule == ApprovalRule.PER_DAY
    yesterday = timezone.now() - timedelta(days=1)
    RefundRecord.objects.filter(requested_by=staff).update(requested_at=yesterday)
    assert refund_as(staff, make_payment(), 6_000).status == "succeeded"


def test_money_that_left_or_may_have_left_counts_on_the_day_it_was_requested(settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE, settings.REFUND_APPROVAL_DAILY = Decimal(0), Decimal(6_000)
    staff = make_staff("refund_payment")
    token, _text = create_token(user=staff, name="shop", max_per_day=Decimal(6_000))

    def left(status: str, late: int | None = None, **fields: Any) -> tuple[Decimal | None, Decimal]:
        """Refund 4,000; return what this person may still refund today, and what the token used."""
        made = {"amount": Decimal(4_000), "status": status, "requested_by": staff, "api_token": token, **fields}
        refund = make_refund(make_payment(), **made)
        if late:
            make_refund(refund.payment, source="console", amount=Decimal(late), late_for=refund)
        now = timezone.now()
        found = left_today(Actor(staff.get_username(), staff), now), used_on_day(token, now)
        RefundRecord.objects.filter(requested_by=staff).update(requested_at=now - timedelta(days=1))
        return found

    assert left("failed") == (6_000, 0)
    assert left("unknown") == (2_000, 4_000)
    assert left("pending") == (2_000, 4_000)
    assert left("failed", late=3_500) == (2_500, 3_500)  # executed after all
    assert left("failed", late=4_000, requested_at=timezone.now() - timedelta(days=1)) == (6_000, 0)


def test_a_key_repeated_after_its_refund_is_no_second_refund(sandbox: SandboxServer, client: Client) -> None:
    sign_in(client, make_staff("refund_payment"))
    payment = paid_at_sandbox(sandbox)
    headers = {"Idempotency-Key": "k1"}
    assert cancel(client, payment, 4_000, **headers).status_code == 200
    assert cancel(client, payment, 4_000, **headers).status_code == 200
    assert cancel(client, payment, 4_000).status_code == 202


def test_without_a_limit_nobody_needs_approval(sandbox: SandboxServer, settings: Settings, client: Client) -> None:
    settings.REFUND_APPROVAL_ABOVE = Decimal(0)
    sign_in(client, make_staff("refund_payment"))
    assert cancel(client, paid_at_sandbox(sandbox), 10_000).status_code == 200


def test_a_sheet_of_the_command_waits_as_a_whole(sandbox: SandboxServer, settings: Settings, tmp_path: Path) -> None:
    settings.BULK_APPROVAL_ABOVE = Decimal(15_000)
    orders = [paid_at_sandbox(sandbox).merchant_uid for _ in range(2)]
    sheet = tmp_path / "orders.csv"
    sheet.write_text("\n".join(["merchant_uid", *orders]))
    for _run in range(2):
        out = StringIO()
        with pytest.raises(SystemExit) as exited:
            call_command("refund", file=str(sheet), total=["20000"], yes=True, json=True, stdout=out)
        document = json.loads(out.getvalue())
        assert (exited.value.code, document["results"][-1]["code"]) == (1, "awaiting_approval")
    assert RefundApproval.objects.get().batch is not None
    assert not RefundRecord.objects.exists()
