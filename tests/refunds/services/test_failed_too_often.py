"""A buyer's failed refunds of one payment are limited per day, so that i'mport is not called without end."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from payments.models import Payment
from refunds.errors import RefundRefused, TooManyFailed
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundEvent, RefundRecord, RefundSource
from refunds.services.buyer_limits import MAX_FAILED_PER_DAY
from refunds.services.refund import request_refund
from tests.factories import make_refund, make_staff, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer
from webhooks.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def payment(sandbox: SandboxServer) -> Payment:
    """Create a buyer's payment for which i'mport refuses every cancel."""
    sandbox.fault("cancel", "refuse")
    return paid_at_sandbox(sandbox, user=make_user("buyer"))


def refund(payment: Payment, user: User | None, **wishes: Any) -> RefundRecord:
    return request_refund(
        payment=payment, request=RefundRequest(), actor=Actor("somebody", user), source=RefundSource.API, **wishes
    )


def fail(payment: Payment, times: int = MAX_FAILED_PER_DAY, *, code: str = RefundRefused.code) -> None:
    for _ in range(times):
        make_refund(payment, status="failed", error_code=code, refund_bank="", refund_account_last4="")


def test_a_buyer_fails_so_many_times_and_then_nothing_is_recorded_or_sent(
    sandbox: SandboxServer, payment: Payment
) -> None:
    for _ in range(MAX_FAILED_PER_DAY):
        with pytest.raises(RefundRefused):
            refund(payment, payment.user)
    counts = [model.objects.count() for model in (RefundRecord, RefundEvent, Event)]
    for _ in range(3):
        with pytest.raises(TooManyFailed, match="contact the shop"):
            refund(payment, payment.user)

    assert [model.objects.count() for model in (RefundRecord, RefundEvent, Event)] == counts
    assert len(sandbox.log("cancel")) == MAX_FAILED_PER_DAY


def test_other_payments_of_the_buyer_are_not_held_up(sandbox: SandboxServer, payment: Payment) -> None:
    fail(payment)
    sandbox.clear_faults()
    assert refund(paid_at_sandbox(sandbox, user=payment.user), payment.user).status == "succeeded"


@pytest.mark.parametrize("who", ["staff", "operator", "staff whose own order it is"])
def test_staff_and_operators_may_always_try(sandbox: SandboxServer, payment: Payment, who: str) -> None:
    fail(payment)
    user = None if who == "operator" else make_staff("refund_payment")
    if who == "staff whose own order it is":
        Payment.objects.update(user=user)
    sandbox.clear_faults()
    assert refund(payment, user).status == "succeeded"


def test_staff_who_may_not_refund_every_payment_are_buyers(payment: Payment) -> None:
    Payment.objects.update(user=make_staff("view_payment"))
    payment.refresh_from_db()
    fail(payment)
    with pytest.raises(TooManyFailed):
        refund(payment, payment.user)


def test_after_a_day_the_buyer_may_try_again(sandbox: SandboxServer, payment: Payment) -> None:
    fail(payment)
    oldest = payment.refunds.last()
    RefundRecord.objects.filter(pk=oldest.pk).update(requested_at=F("requested_at") - timedelta(days=1))
    sandbox.clear_faults()
    assert refund(payment, payment.user).status == "succeeded"


def test_what_did_not_reach_imort_does_not_count(sandbox: SandboxServer, payment: Payment) -> None:
    fail(payment, code="gateway_unavailable")
    sandbox.clear_faults()
    assert refund(payment, payment.user).status == "succeeded"


def test_only_failures_count(sandbox: SandboxServer, payment: Payment) -> None:
    fail(payment, MAX_FAILED_PER_DAY - 1)
    sandbox.clear_faults()
    for _ in range(2):
        request = RefundRequest(amount=payment.amount / 10)
        actor = Actor("buyer", payment.user)
        done = request_refund(payment=payment, request=request, actor=actor, source=RefundSource.API)
        assert done.status == "succeeded"


def test_a_repeated_request_gets_its_earlier_answer(payment: Payment) -> None:
    fail(payment, MAX_FAILED_PER_DAY - 1)
    client = Client()
    client.force_login(payment.user)

    def ask(key: str) -> Any:
        body = json.dumps({"imp_uid": payment.imp_uid})
        return client.post("/payments/cancel", body, content_type="application/json", headers={"Idempotency-Key": key})

    first, again, other = ask("k-1"), ask("k-1"), ask("k-2")
    assert (first.status_code, again.status_code, again.content) == (422, 422, first.content)
    assert (other.status_code, other.json()["code"]) == (429, "too_many_failed")
    assert "Retry-After" not in other.headers


def test_a_refund_under_way_is_said_before_what_failed(sandbox: SandboxServer, payment: Payment) -> None:
    fail(payment)
    make_refund(payment, status="pending", refund_bank="", refund_account_last4="")
    client = Client()
    client.force_login(payment.user)
    body = json.dumps({"imp_uid": payment.imp_uid})
    answer = client.post("/payments/cancel", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "refund_in_progress")
