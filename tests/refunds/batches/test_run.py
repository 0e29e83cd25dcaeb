"""A batch is continued after a crash, and never refunds an order twice."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone, translation
from kombu.exceptions import OperationalError
from pytest_django import Settings

from core.encryption.cipher import encrypt
from monitoring.models import Heartbeat
from monitoring.worker import note_worker
from payments.models import Payment
from refunds.batches import execute as module
from refunds.batches.claims import claim
from refunds.batches.control import cancel_batch
from refunds.batches.outcomes import all_lines, key_of
from refunds.batches.run import run
from refunds.errors import RefundOutcomeUnknown
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundApproval, RefundBatch, RefundBatchItem, RefundRecord, RefundSource
from refunds.services.refund import request_refund
from refunds.tasks import run_batches, sweep
from tests.admin_pages import codes, confirmation, fill, sign_in, states
from tests.entry_points import run_command
from tests.factories import ACCOUNT, ACCOUNT_DIGITS, make_staff, make_started_batch, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(hours=1)


@pytest.fixture
def user() -> User:
    return make_staff("refund_payment", "view_payment")


@pytest.fixture
def batch(user: User, sandbox: SandboxServer) -> RefundBatch:
    """Three orders, of which 3,000 each is requested; the first needs a bank account."""
    orders = [paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="tosspayments")]
    orders += [paid_at_sandbox(sandbox) for _ in range(2)]
    accounts: list[dict[str, str]] = [ACCOUNT, {}, {}]
    requests = [RefundRequest(Decimal(3_000), "Broken", **account) for account in accounts]
    return make_started_batch(user, zip(orders, requests, strict=True), reason="Broken")


def cancelled(sandbox: SandboxServer, batch: RefundBatch) -> list[int]:
    """Return the amount that i'mport refunded of each order."""
    return [sandbox.payment(item.payment.imp_uid)["cancel_amount"] for item in batch.items.all()]


def let_the_claim_end() -> None:
    RefundBatchItem.objects.exclude(claimed_at=None).update(claimed_at=timezone.now() - LONG_AGO)


def killed_after_the_first_refund(batch: RefundBatch) -> RefundRecord:
    """Refund the first order, but stop the worker before it records the outcome."""
    (item,) = claim(batch_id=batch.pk, count=1)
    request = RefundRequest(Decimal(3_000), "Broken", **ACCOUNT)
    user = batch.requested_by
    with suppress(RefundOutcomeUnknown):
        request_refund(
            payment=item.payment,
            request=request,
            actor=Actor(user.get_username(), user),
            source=RefundSource.ADMIN,
            idempotency_key=key_of(batch, item),
        )
    let_the_claim_end()
    return RefundRecord.objects.get()


@pytest.mark.parametrize("continues", [sweep, lambda: run_command("reconcile")])
@pytest.mark.usefixtures("eager_worker")
def test_batch_of_a_killed_worker_is_continued(batch: RefundBatch, sandbox: SandboxServer, continues: Any) -> None:
    killed_after_the_first_refund(batch)

    continues()

    assert cancelled(sandbox, batch) == [3_000, 3_000, 3_000]
    assert len(sandbox.log("cancel")) == 3
    assert RefundBatch.objects.get().finished_at is not None
    assert not batch.items.filter(refund=None).exists()


def test_unknown_refund_of_a_killed_worker_is_not_sent_again(batch: RefundBatch, sandbox: SandboxServer) -> None:
    sandbox.fault("cancel", "drop_before", times=1)
    record = killed_after_the_first_refund(batch)

    run(batch_id=batch.pk)

    assert record.status == "unknown"
    assert cancelled(sandbox, batch) == [0, 3_000, 3_000]
    assert RefundRecord.objects.filter(payment=record.payment).count() == 1


def test_refund_of_a_killed_worker_counts_though_the_batch_was_stopped(
    batch: RefundBatch, sandbox: SandboxServer
) -> None:
    record = killed_after_the_first_refund(batch)

    cancel_batch(batch=batch, actor=Actor("Kim"))

    assert batch.finished_at is not None
    assert list(batch.items.values_list("refund", "error_code")) == [
        (record.pk, ""),
        (None, "batch_cancelled"),
        (None, "batch_cancelled"),
    ]
    assert not batch.items.exclude(encrypted_account="").exists()
    assert cancelled(sandbox, batch) == [3_000, 0, 0]


def test_order_that_has_changed_since_the_check_is_skipped(
    batch: RefundBatch, user: User, sandbox: SandboxServer
) -> None:
    changed = batch.items.all()[1]
    first = RefundRequest(Decimal(1_000))
    request_refund(payment=changed.payment, request=first, actor=Actor("x", user), source=RefundSource.ADMIN)

    run(batch_id=batch.pk)

    assert list(batch.items.values_list("error_code", flat=True)) == ["", "balance_changed", ""]
    assert cancelled(sandbox, batch) == [3_000, 1_000, 3_000]


@pytest.mark.parametrize("accepted", [False, True])
def test_account_of_another_holder_is_not_paid_unless_that_was_accepted(
    batch: RefundBatch, sandbox: SandboxServer, *, accepted: bool
) -> None:
    account = json.dumps({**ACCOUNT, "refund_holder": "김철수"})
    confirmed = ["account_holder_differs"] if accepted else []
    batch.items.exclude(encrypted_account="").update(encrypted_account=encrypt(account), confirmed=confirmed)

    run(batch_id=batch.pk)

    item = batch.items.all()[0]
    assert (item.error_code, item.encrypted_account) == ("" if accepted else "account_holder_differs", "")
    assert ("on its own page" in item.message) is not accepted
    with translation.override("ko"):
        assert ("예금주" in item.message and "페이지" in item.message) is not accepted
    assert cancelled(sandbox, batch) == [3_000 if accepted else 0, 3_000, 3_000]


def test_batch_of_the_command_is_refunded_for_its_operator(batch: RefundBatch, sandbox: SandboxServer) -> None:
    RefundBatch.objects.update(source="command", requested_by=None, requested_by_name="manage.py (kim)")

    run(batch_id=batch.pk)

    made = RefundRecord.objects.values_list("source", "requested_by", "requested_by_name")
    assert set(made) == {("command", None, "manage.py (kim)")}
    assert cancelled(sandbox, batch) == [3_000, 3_000, 3_000]


def test_account_is_encrypted_until_the_outcome_is_written(batch: RefundBatch) -> None:
    item = batch.items.exclude(encrypted_account="").get()
    assert ACCOUNT_DIGITS not in item.encrypted_account

    run(batch_id=batch.pk)

    assert not batch.items.exclude(encrypted_account="").exists()
    assert RefundRecord.objects.filter(refund_account_last4=ACCOUNT_DIGITS[-4:]).count() == 1
    with pytest.raises(IntegrityError):
        RefundBatchItem.objects.filter(pk=item.pk).update(encrypted_account=item.encrypted_account)


def test_order_whose_account_no_key_opens_is_refused(batch: RefundBatch, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]

    run(batch_id=batch.pk)

    assert list(batch.items.values_list("error_code", flat=True)) == ["account_unreadable", "", ""]


def test_orders_that_another_process_has_claimed_are_left_alone(batch: RefundBatch, sandbox: SandboxServer) -> None:
    claimed = claim(batch_id=batch.pk, count=2)

    run(batch_id=batch.pk)
    run_batches()

    assert len(sandbox.log("cancel")) == 1
    assert set(batch.items.filter(refund=None)) == set(claimed)
    assert RefundBatch.objects.get().finished_at is None


def test_process_that_was_silent_for_too_long_leaves_the_rest_to_the_one_that_took_over(
    batch: RefundBatch, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(**_request: Any) -> RefundRecord:
        monkeypatch.undo()
        let_the_claim_end()
        run(batch_id=batch.pk)
        raise KeyError("a bug")

    monkeypatch.setattr(module, "request_refund", overtaken)
    run(batch_id=batch.pk)

    assert not batch.items.filter(refund=None).exists()
    assert not batch.items.exclude(error_code="").exists()
    assert len(sandbox.log("cancel")) == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda user: user.user_permissions.clear(), "permission_denied"),
        (lambda user: User.objects.filter(pk=user.pk).update(is_active=False), "permission_denied"),
        (lambda user: User.objects.filter(pk=user.pk).update(is_staff=False), "permission_denied"),
    ],
)
def test_requester_who_lost_the_permission_refunds_nothing(
    batch: RefundBatch, user: User, sandbox: SandboxServer, change: Any, code: str
) -> None:
    change(user)

    run(batch_id=batch.pk)

    assert set(batch.items.values_list("error_code", flat=True)) == {code}
    assert "cancel" not in sandbox.stats()
    for outcome in all_lines(batch):  # worded for every reader
        assert outcome.message == "staff was not allowed to refund payments when this order's turn came."


def test_approval_limit_of_the_moment_applies(batch: RefundBatch, settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE = 2_000

    run(batch_id=batch.pk)

    assert set(batch.items.values_list("error_code", flat=True)) == {"awaiting_approval"}
    assert RefundApproval.objects.waiting().count() == batch.items.count()


def test_messages_are_in_the_language_of_the_reader(batch: RefundBatch, settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE = 2_000
    RefundBatch.objects.update(language="ko")

    run(batch_id=batch.pk)

    with translation.override("en"):
        assert all("A second person has to approve" in outcome.message for outcome in all_lines(batch))
    with translation.override("ko"):
        assert all("승인해야 합니다" in outcome.message for outcome in all_lines(batch))


class TestWithoutWorker:
    @pytest.fixture
    def staff(self, client: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> Client:
        def broker_is_down(*_args: Any, **_options: Any) -> None:
            raise OperationalError

        monkeypatch.setattr(run_batches, "apply_async", broker_is_down)
        return sign_in(client, user)

    def press(self, staff: Client, *orders: Payment) -> str:
        answer = fill(staff, confirmation(staff, *orders), {order: {} for order in orders}, reason="Broken")
        return answer["Location"]

    def test_one_order_is_refunded_at_once(self, staff: Client, sandbox: SandboxServer) -> None:
        payment = paid_at_sandbox(sandbox)
        page = staff.get(self.press(staff, payment)).text
        assert states(page) == {payment.merchant_uid: "refunded"}
        assert "data-follow" not in page

    def test_several_orders_wait_and_the_page_says_what_to_do(self, staff: Client, sandbox: SandboxServer) -> None:
        url = self.press(staff, paid_at_sandbox(sandbox), paid_at_sandbox(sandbox))
        page = staff.get(url).text
        assert codes(page) == ["waiting"]
        assert "data-follow" in page
        assert "(0/2)" in page

        RefundBatch.objects.update(started_at=timezone.now() - timedelta(seconds=10))
        assert codes(staff.get(url).text) == ["waiting", "no_worker"]
        note_worker()
        Heartbeat.objects.update(seen_at=timezone.now() - LONG_AGO)
        assert codes(staff.get(url).text) == ["waiting", "no_worker"]
        Heartbeat.objects.update(seen_at=timezone.now())
        assert codes(staff.get(url).text) == ["waiting"]

        code, told = run_command("reconcile")
        assert (code, [result["code"] for result in told["results"]]) == (0, ["refunded", "refunded"])
        page = staff.get(url).text
        assert set(states(page).values()) == {"refunded"}
        assert codes(page) == []

    def test_interrupted_batch_says_that_it_continues(self, staff: Client, sandbox: SandboxServer) -> None:
        url = self.press(staff, paid_at_sandbox(sandbox), paid_at_sandbox(sandbox))
        RefundBatch.objects.update(active_at=timezone.now())
        assert codes(staff.get(url).text) == ["running"]
        RefundBatch.objects.update(active_at=timezone.now() - timedelta(seconds=20))
        note_worker()
        assert codes(staff.get(url).text) == ["stalled"]
        Heartbeat.objects.all().delete()
        RefundBatch.objects.update(active_at=timezone.now() - LONG_AGO)
        assert codes(staff.get(url).text) == ["interrupted", "no_worker"]
