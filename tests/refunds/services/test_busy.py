"""Refunds that are turned away before anything is recorded: no free slot, or too many open ones of a buyer."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from payments.gateway import slots
from refunds.errors import Busy
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource
from refunds.services.buyer_limits import MAX_OPEN_PER_BUYER
from refunds.services.refund import request_refund
from tests.api_client import cancel, make_token
from tests.factories import make_refund, make_staff, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def one_slot_left() -> Iterator[None]:
    slots.limit_calls(8)
    for _ in range(3):
        slots._take(for_staff=True)
    yield
    for _ in range(3):
        slots._give_back()
    slots._limit = None


def open_refunds(buyer: User | None, count: int) -> None:
    for _ in range(count):
        make_refund(status="unknown", requested_by=buyer)


def refund(sandbox: SandboxServer, user: User | None) -> RefundRecord:
    payment = paid_at_sandbox(sandbox, user=user)
    actor = Actor("somebody", user)
    return request_refund(payment=payment, request=RefundRequest(), actor=actor, source=RefundSource.API)


def test_without_a_free_slot_a_program_is_told_at_once(sandbox: SandboxServer, one_slot_left: None) -> None:
    payment = paid_at_sandbox(sandbox)
    _token, secret = make_token()
    answer = cancel(secret, {"imp_uid": payment.imp_uid}, Idempotency_Key="a")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "busy", True)
    assert int(answer["Retry-After"]) > 0
    assert (RefundRecord.objects.count(), sandbox.log("cancel")) == (0, [])


def test_the_same_key_is_used_once_a_slot_is_free(sandbox: SandboxServer, one_slot_left: None) -> None:
    payment = paid_at_sandbox(sandbox)
    _token, secret = make_token()
    assert cancel(secret, {"imp_uid": payment.imp_uid}, Idempotency_Key="a").status_code == 503
    slots._limit = None
    assert cancel(secret, {"imp_uid": payment.imp_uid}, Idempotency_Key="a").status_code == 200


def test_buyers_leave_the_last_slot_to_staff(sandbox: SandboxServer, one_slot_left: None) -> None:
    with pytest.raises(Busy):
        refund(sandbox, make_user("buyer"))
    assert refund(sandbox, make_staff("refund_payment")).status == "succeeded"
    assert refund(sandbox, None).status == "succeeded"  # the command line


@pytest.mark.parametrize("live", [MAX_OPEN_PER_BUYER - 1, MAX_OPEN_PER_BUYER, MAX_OPEN_PER_BUYER + 5])
def test_a_buyer_has_so_many_open_refunds_at_most(sandbox: SandboxServer, live: int) -> None:
    buyer = make_user("buyer")
    open_refunds(buyer, live)
    open_refunds(make_user("another"), MAX_OPEN_PER_BUYER)
    if live < MAX_OPEN_PER_BUYER:
        assert refund(sandbox, buyer).status == "succeeded"
        return
    with pytest.raises(Busy, match="still open"):
        refund(sandbox, buyer)
    assert (RefundRecord.objects.filter(requested_by=buyer).count(), sandbox.log("cancel")) == (live, [])


def test_staff_and_commands_have_as_many_open_refunds_as_they_need(sandbox: SandboxServer) -> None:
    staff = make_staff("refund_payment")
    for user in (staff, None):
        open_refunds(user, MAX_OPEN_PER_BUYER + 1)
        assert refund(sandbox, user).status == "succeeded"
