"""Open refunds are checked at growing intervals, then flagged for staff, who may close them with a reason."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from payments.models import Payment
from refunds.errors import RefundOutcomeUnknown, ResolutionRefused
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundEvent, RefundRecord, RefundSource, RefundStatus
from refunds.reconciliation.reconcile import due_payments, reconcile, reconcile_due
from refunds.reconciliation.resolution import close_by_hand, mark_reviewed
from refunds.services.refund import request_refund
from tests.factories import make_payment, make_reason, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

STAFF = Actor("staff")


def pending_refund(sandbox: SandboxServer) -> RefundRecord:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    return request_refund(payment=payment, request=RefundRequest(), actor=STAFF, source=RefundSource.API)


def requested(payment: Payment, **ago: int) -> RefundRecord:
    """Create a refund whose process died right after reserving it."""
    then = timezone.now() - timedelta(**ago)
    return RefundRecord.objects.create(
        payment=payment, source="api", amount=1_000, checksum=payment.amount, requested_at=then
    )


def age(record: RefundRecord, **ago: int) -> RefundRecord:
    RefundRecord.objects.filter(pk=record.pk).update(requested_at=timezone.now() - timedelta(**ago))
    record.refresh_from_db()
    return record


def sweep_at(at: datetime) -> RefundRecord:
    """Run the periodic comparison at this time; return the only refund."""
    with time_machine.travel(at, tick=False):
        list(reconcile_due())
    return RefundRecord.objects.get()


def test_interval_grows_after_each_periodic_check(sandbox: SandboxServer) -> None:
    record = age(pending_refund(sandbox), hours=1)
    now, waits = timezone.now(), []
    for _ in range(5):
        record = sweep_at(now)
        assert record.next_check_at is not None
        waits.append(round((record.next_check_at - now).total_seconds() / 60))
        now = record.next_check_at
    assert waits == [1, 5, 30, 60, 60]
    assert record.checks == 5


def test_check_by_hand_never_postpones_the_periodic_one(sandbox: SandboxServer) -> None:
    planned = sweep_at(age(pending_refund(sandbox), hours=1).requested_at + timedelta(hours=1))
    assert planned.next_check_at is not None
    for at in (planned.next_check_at - timedelta(seconds=1), planned.next_check_at + timedelta(seconds=1)):
        with time_machine.travel(at):
            list(reconcile())
        record = RefundRecord.objects.get()
        assert (record.checks, record.next_check_at) == (planned.checks, planned.next_check_at)


def test_sweep_settles_an_unknown_refund_soon_after_its_lease_however_often_it_was_checked(
    sandbox: SandboxServer, settings: Settings
) -> None:
    sandbox.fault("cancel", "http_500", times=1)
    with pytest.raises(RefundOutcomeUnknown):
        request_refund(payment=paid_at_sandbox(sandbox), request=RefundRequest(), actor=STAFF, source=RefundSource.API)
    record = RefundRecord.objects.get()
    lease_ends = record.requested_at + timedelta(seconds=settings.REFUND_LEASE_SECONDS)
    for seconds in (20, 80, 110):
        record = sweep_at(lease_ends - timedelta(seconds=settings.REFUND_LEASE_SECONDS - seconds))
        list(reconcile())
        record.refresh_from_db()
        assert (record.checks, record.status) == (0, RefundStatus.UNKNOWN)
        assert record.next_check_at is not None
        assert record.next_check_at <= lease_ends
    assert sweep_at(lease_ends + timedelta(seconds=1)).status == RefundStatus.FAILED


def test_periodic_run_skips_refunds_that_are_not_due(sandbox: SandboxServer) -> None:
    record = age(pending_refund(sandbox), hours=1)
    assert list(due_payments()) == [record.payment]
    list(reconcile_due())
    assert not due_payments().exists()
    assert list(due_payments(timezone.now() + timedelta(minutes=2))) == [record.payment]


def test_next_run_of_the_minute_finds_the_refund_due(sandbox: SandboxServer) -> None:
    record = age(pending_refund(sandbox), hours=1)
    began = timezone.now()
    sweep_at(began + timedelta(seconds=2))
    assert list(due_payments(began + timedelta(minutes=1))) == [record.payment]


def test_running_refund_is_not_due_before_its_lease_ends() -> None:
    requested(make_payment(), seconds=1)
    lost = requested(make_payment(), days=1)
    assert list(due_payments()) == [lost.payment]


@pytest.mark.parametrize("fault", ["", "http_500"])
def test_check_during_the_call_does_not_postpone_the_next_one(sandbox: SandboxServer, fault: str) -> None:
    record = requested(paid_at_sandbox(sandbox), seconds=1)
    if fault:
        sandbox.fault("payments", fault)
    compared = list(reconcile(payments=Payment.objects.all()))
    assert [result.unresolved for result in compared] == [record]
    record.refresh_from_db()
    assert (record.status, record.checks, record.next_check_at) == (RefundStatus.REQUESTED, 0, None)


def test_refund_open_for_too_long_is_flagged_for_review_once(sandbox: SandboxServer) -> None:
    record = age(pending_refund(sandbox), hours=73)
    for _ in range(2):
        list(reconcile())
    record.refresh_from_db()
    assert (record.status, record.needs_review) == (RefundStatus.PENDING, True)
    assert RefundEvent.objects.filter(refund=record, code="needs_review").count() == 1


def test_staff_close_a_refund_with_a_stored_reason(sandbox: SandboxServer) -> None:
    record = age(pending_refund(sandbox), hours=73)
    list(reconcile())
    record.refresh_from_db()
    closed = close_by_hand(refund=record, actor=STAFF, reason="The PG says it was refused.")
    assert (closed.status, closed.needs_review) == (RefundStatus.FAILED, False)
    event = closed.events.get(code="closed_by_hand")
    assert event.actor == "staff"
    assert "The PG says it was refused." in event.message


def test_closing_an_executed_refund_settles_it_instead(sandbox: SandboxServer) -> None:
    record = age(pending_refund(sandbox), hours=73)
    list(reconcile())
    record.refresh_from_db()
    sandbox.settle(record.payment.imp_uid)
    assert close_by_hand(refund=record, actor=STAFF, reason="refused").status == RefundStatus.SUCCEEDED


def test_refund_executed_after_closing_is_booked_and_flagged(sandbox: SandboxServer) -> None:
    record = age(pending_refund(sandbox), hours=73)
    record.frozen_reason = make_reason().frozen
    record.save()
    list(reconcile())
    record.refresh_from_db()
    close_by_hand(refund=record, actor=STAFF, reason="refused")
    sandbox.settle(record.payment.imp_uid)
    list(reconcile(payments=Payment.objects.all()))
    late = RefundRecord.objects.get(source=RefundSource.CONSOLE)
    assert late.needs_review
    assert late.frozen_reason == record.frozen_reason
    assert Payment.objects.get().is_fully_refunded


def test_closing_needs_a_reason_a_review_flag_and_a_lookup(sandbox: SandboxServer) -> None:
    record = age(pending_refund(sandbox), hours=73)
    with pytest.raises(ResolutionRefused, match="review"):
        close_by_hand(refund=record, actor=STAFF, reason="too early")
    list(reconcile())
    record.refresh_from_db()
    with pytest.raises(ResolutionRefused, match="why"):
        close_by_hand(refund=record, actor=STAFF, reason=" ")
    sandbox.fault("payment", "http_500")
    with pytest.raises(ResolutionRefused, match="cannot be read"):
        close_by_hand(refund=record, actor=STAFF, reason="refused")
    record.refresh_from_db()
    assert record.status == RefundStatus.PENDING


def test_closing_does_not_affect_a_refund_started_meanwhile(sandbox: SandboxServer) -> None:
    reviewed = age(pending_refund(sandbox), hours=73)
    list(reconcile())
    reviewed.refresh_from_db()
    sandbox.refuse(reviewed.payment.imp_uid)
    close_by_hand(refund=RefundRecord.objects.get(pk=reviewed.pk), actor=STAFF, reason="refused")
    begun = requested(reviewed.payment, seconds=1)
    close_by_hand(refund=reviewed, actor=STAFF, reason="pressed in another window")
    begun.refresh_from_db()
    assert begun.status == RefundStatus.REQUESTED


def test_ended_refund_is_marked_as_reviewed_once(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, promotion={"id": "p", "discount": 1_000})
    record = request_refund(
        payment=payment, request=RefundRequest(amount=Decimal(5_000)), actor=STAFF, source=RefundSource.API
    )
    assert record.needs_review
    for _ in range(2):
        mark_reviewed(refund=record, actor=STAFF)
    record.refresh_from_db()
    assert not record.needs_review
    assert record.events.get(code="reviewed").actor == "staff"
    with pytest.raises(ResolutionRefused):
        mark_reviewed(refund=pending_refund(sandbox), actor=STAFF)
