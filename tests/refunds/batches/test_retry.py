"""What was refused or skipped is tried again in a new batch where it may succeed, and never refunded twice."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.utils import timezone

from refunds.batches.control import cancel_batch
from refunds.batches.errors import BatchStateError
from refunds.batches.preview import totals_of, warning_codes
from refunds.batches.retry import retry_refused
from refunds.batches.run import run
from refunds.batches.start import start_batch
from refunds.errors import RefundNotAllowed
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundAccount, RefundBatch, RefundRecord, RefundSource
from refunds.services.refund import request_refund
from tests.factories import ACCOUNT, ACCOUNT_DIGITS, make_staff, make_started_batch, paid_at_sandbox
from tests.refunds.batches.stored import store_batch, store_order
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

VBANK = {"pay_method": "vbank", "pg_provider": "tosspayments"}
SHORT, TOO_LATE, WRONG_BANK = "취소가능액부족", "환불 가능한 기간이 지났습니다", "유효하지 않은 은행"
# By its name: how it is paid, what is requested, and what the PG says at first.
ORDERS: dict[str, tuple[dict[str, Any], RefundRequest, str]] = {
    "short": ({}, RefundRequest(), SHORT),
    "to an account": (VBANK, RefundRequest(**ACCOUNT), SHORT),
    "account deleted": (VBANK, RefundRequest(**ACCOUNT), SHORT),
    "wrong account": (VBANK, RefundRequest(**ACCOUNT), WRONG_BANK),
    "too late": ({"pg_provider": "tosspayments"}, RefundRequest(), TOO_LATE),
    "part": ({}, RefundRequest(Decimal(3_000), "Broken cup"), SHORT),
    "part, refunded since": ({}, RefundRequest(Decimal(3_000)), SHORT),
    "refunded": ({}, RefundRequest(), ""),
}


@pytest.fixture
def user() -> User:
    return make_staff("refund_payment", "view_payment")


@pytest.fixture
def actor(user: User) -> Actor:
    return Actor(user.get_username(), user)


@pytest.fixture
def batch(user: User, sandbox: SandboxServer) -> RefundBatch:
    """A batch that has ended, of these orders."""
    orders = []
    for name, (paid, request, refusal) in ORDERS.items():
        payment = paid_at_sandbox(sandbox, merchant_uid=name, **paid)
        if refusal:
            sandbox.fault("cancel", "refuse", times=1, message=refusal, imp_uid=payment.imp_uid)
        orders.append((payment, request))
    batch = make_started_batch(user, orders, reason="Recalled")
    run(batch_id=batch.pk)
    batch.refresh_from_db()
    assert batch.status == "done"
    return batch


def test_orders_that_may_succeed_are_refunded_and_the_others_say_why_not(
    batch: RefundBatch, actor: Actor, sandbox: SandboxServer
) -> None:
    RefundAccount.objects.filter(refund__payment__merchant_uid="account deleted").delete()
    since = batch.items.get(payment__merchant_uid="part, refunded since").payment
    request_refund(payment=since, request=RefundRequest(Decimal(3_000)), actor=actor, source=RefundSource.ADMIN)

    retry = retry_refused(batch=batch, actor=actor, token=uuid.uuid4())

    assert (retry.status, retry.origin, retry.retry_of, retry.reason) == ("checked", "retry", batch, "Recalled")
    assert ACCOUNT_DIGITS not in retry.items.get(payment__merchant_uid="to an account").encrypted_account
    found = dict(retry.items.values_list("payment__merchant_uid", "error_code"))
    assert found == {
        "short": "",
        "to an account": "",
        "account deleted": "account_required",
        "wrong account": "account_required",
        "too late": "left_out",
        "part": "",
        "part, refunded since": "left_out",
    }
    assert TOO_LATE in retry.items.get(payment__merchant_uid="too late").message

    start_batch(batch=retry, actor=actor, totals=totals_of(retry), accepted=warning_codes(retry))
    run(batch_id=retry.pk)

    refunded = {
        item.payment.merchant_uid: sandbox.payment(item.payment.imp_uid)["cancel_amount"] for item in batch.items.all()
    }
    part, whole = 3_000, 10_000
    assert refunded == {
        **dict.fromkeys(ORDERS, 0),
        "short": whole,
        "to an account": whole,
        "part": part,
        "part, refunded since": part,
        "refunded": whole,
    }
    assert RefundRecord.objects.get(payment__merchant_uid="part", status="succeeded").reason == "Broken cup"


@pytest.fixture
def ended(user: User) -> RefundBatch:
    """A batch that has ended, of a refused order, without i'mport."""
    batch = store_batch(requested_by=user, status="done", finished_at=timezone.now())
    store_order(batch, "failed")
    return batch


def test_pressed_twice_it_makes_one_batch(ended: RefundBatch, actor: Actor) -> None:
    first = retry_refused(batch=ended, actor=actor, token=uuid.uuid4())

    assert retry_refused(batch=ended, actor=actor, token=uuid.uuid4()) == first
    with pytest.raises(IntegrityError):
        RefundBatch.objects.create(token=uuid.uuid4(), retry_of=ended)


def test_stopped_retry_can_be_made_again(ended: RefundBatch, actor: Actor) -> None:
    stopped = retry_refused(batch=ended, actor=actor, token=uuid.uuid4())
    cancel_batch(batch=stopped, actor=actor)

    assert retry_refused(batch=ended, actor=actor, token=uuid.uuid4()) != stopped


def test_only_an_ended_batch_is_retried_by_who_may_refund(ended: RefundBatch, actor: Actor) -> None:
    with pytest.raises(RefundNotAllowed):
        retry_refused(batch=ended, actor=Actor("auditor", make_staff(name="auditor")), token=uuid.uuid4())
    RefundBatch.objects.update(status="running")
    ended.refresh_from_db()
    with pytest.raises(BatchStateError):
        retry_refused(batch=ended, actor=actor, token=uuid.uuid4())
    assert not ended.retries.exists()
