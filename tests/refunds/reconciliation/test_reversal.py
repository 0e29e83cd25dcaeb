"""A cancel that i'mport took back is booked as a reversal: who, why, seen when; the ledger then agrees with i'mport."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import F
from django.utils import timezone

from payments.gateway import GatewayPayment, GatewayUnavailable
from payments.intake.mirror import mirror_payment
from payments.models import Payment
from refunds.errors import InvalidRequest, PolicyViolated, RefundInProgress, RefundRefused
from refunds.inputs import Actor
from refunds.models import RefundRecord, RefundReversal
from refunds.reconciliation.errors import NothingTakenBack, ReversalChanged, ReversalNotRead
from refunds.reconciliation.reconcile import reconcile
from refunds.reconciliation.resolution import close_by_hand
from refunds.reconciliation.reversal import AcceptedReversal, accept_reversal, preview_reversal
from tests.factories import make_refund, make_user, paid_at_sandbox
from tests.fakes import InstantGateway
from tests.refunds.taking_back import refund, refunded, take_back
from tests.sandbox_server import SandboxServer
from tests.threads import at_once

pytestmark = pytest.mark.django_db

MANAGER = Actor("manager")


def accept(payment: Payment, gateway: InstantGateway | None, *, expected: int | None = None) -> AcceptedReversal:
    return accept_reversal(
        payment=payment,
        actor=MANAGER,
        reason="The bank sent it back.",
        expected=None if expected is None else Decimal(expected),
        gateway=gateway,
    )


def nets(payment: Payment) -> list[int]:
    """Return what each refund stands for now, oldest first, after checking that the sums agree."""
    payment.refresh_from_db()
    records = list(payment.refunds.order_by("pk"))
    assert sum(record.net_amount for record in records) == payment.cancel_amount
    for record in records:
        assert record.reversed_amount == sum(reversal.amount for reversal in record.reversals.all())
    return [int(record.net_amount) for record in records]


@pytest.mark.parametrize(
    ("amounts", "place", "part", "left"),
    [
        ((10_000,), 0, None, [0]),
        ((10_000,), 0, 3_000, [7_000]),
        ((4_000, 6_000), 0, None, [0, 6_000]),
        ((4_000, 6_000), 1, None, [4_000, 0]),
        ((3_000, 3_000, 3_000), 1, None, [3_000, 0, 3_000]),
        ((4_000, 6_000), 0, 1_000, [3_000, 6_000]),
    ],
    ids=["the whole", "a part", "the first of two", "the second of two", "the second of equals", "a part of the first"],
)
def test_accepted_reversal_makes_the_ledger_agree(
    amounts: tuple[int, ...], place: int, part: int | None, left: list[int]
) -> None:
    payment, gateway = refunded(*amounts)
    take_back(gateway, place=place, amount=part)
    shown = gateway.payment(payment.imp_uid)
    accepted = accept(payment, gateway)
    assert nets(payment) == left
    assert (payment.cancel_amount, payment.status) == (shown.cancel_amount, shown.status)
    assert payment.taken_back == 0
    assert accepted.amount == sum(amounts) - sum(left)
    assert {record.status for record in payment.refunds.all()} == {"succeeded"}
    [result] = reconcile(payments=Payment.objects.all(), gateway=gateway)
    assert result.outcome == "agrees"


def test_reversal_says_who_why_and_since_when() -> None:
    payment, gateway = refunded(4_000)
    take_back(gateway)
    mirror_payment(gateway.payment(payment.imp_uid))
    payment.refresh_from_db()
    manager = make_user("manager", is_staff=True)
    accepted = accept_reversal(payment=payment, actor=Actor("manager", manager), reason=" bank ", gateway=gateway)
    reversal = RefundReversal.objects.get()
    assert accepted.reversals == (reversal,)
    assert (reversal.accepted_by, reversal.accepted_by_name, reversal.reason) == (manager, "manager", "bank")
    assert reversal.seen_at == payment.taken_back_seen_at
    event = reversal.refund.events.get(code="reversed")
    assert (event.actor, event.message, event.status) == ("manager", "bank", "succeeded")
    assert Decimal(event.data["amount"]) == 4_000


def test_one_refund_can_be_reversed_in_parts() -> None:
    payment, gateway = refunded(10_000)
    for part in (3_000, 2_000):
        take_back(gateway, amount=part)
        accept(payment, gateway)
    assert nets(payment) == [5_000]
    assert RefundReversal.objects.count() == 2
    take_back(gateway)
    accept(payment, gateway)
    assert nets(payment) == [0]


def test_reversed_amount_can_be_refunded_again() -> None:
    payment, gateway = refunded(4_000, 6_000)
    with pytest.raises(PolicyViolated):
        refund(payment, gateway, 4_000)
    take_back(gateway)
    accept(payment, gateway)
    assert int(refund(payment, gateway, 4_000).checksum) == 4_000
    assert payment.cancel_amount == 10_000


@pytest.mark.parametrize("later", [4_000, 1_000], ids=["all of it", "a part"])
def test_cancel_shown_again_is_booked_again(later: int) -> None:
    payment, gateway = refunded(4_000, 6_000)
    before = list(gateway.cancels)
    take_back(gateway)
    accept(payment, gateway)
    gateway.cancels = [dataclasses.replace(before[0], amount=Decimal(later)), before[1]]
    for _ in range(2):
        list(reconcile(payments=Payment.objects.all(), gateway=gateway))
    assert nets(payment) == [0, 6_000, later]
    assert payment.cancel_amount == 6_000 + later
    again = payment.refunds.latest("pk")
    assert (again.source, again.needs_review) == ("console", True)


@pytest.mark.parametrize("status", ["paid", "ready"])
def test_status_follows_i_mport(status: str) -> None:
    """A deposit to a virtual account that was taken back can show the payment as waiting again."""
    payment, _gateway = refunded(10_000)

    class Back(InstantGateway):
        def payment(self, imp_uid: str) -> GatewayPayment:
            shown = super().payment(imp_uid)
            paid_at = None if status == "ready" else shown.paid_at
            return dataclasses.replace(shown, status=status, paid_at=paid_at, pay_method="vbank")

    accept(payment, Back(payment))
    assert nets(payment) == [0]
    assert payment.status == status
    assert payment.refundable_amount == (0 if status == "ready" else 10_000)


def test_nothing_to_accept_is_an_error() -> None:
    payment, gateway = refunded(4_000)
    with pytest.raises(NothingTakenBack):
        preview_reversal(payment=payment, gateway=gateway)
    take_back(gateway)
    accept(payment, gateway)
    with pytest.raises(NothingTakenBack):
        accept(payment, gateway)
    assert RefundReversal.objects.count() == 1


def test_refusal_books_what_the_reading_shows() -> None:
    payment, gateway = refunded(4_000)
    before = list(gateway.cancels)
    take_back(gateway)
    mirror_payment(gateway.payment(payment.imp_uid))
    gateway.cancels = before
    with pytest.raises(NothingTakenBack):
        accept(payment, gateway)
    payment.refresh_from_db()
    assert payment.taken_back == 0


def test_accepting_needs_a_reason_the_confirmed_amount_and_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    payment, gateway = refunded(4_000)
    take_back(gateway)
    with pytest.raises(InvalidRequest) as refused:
        accept_reversal(payment=payment, actor=MANAGER, reason="  ", gateway=gateway)
    assert refused.value.code == "missing_reason"
    with pytest.raises(ReversalChanged):
        accept(payment, gateway, expected=3_000)

    def unreachable(_imp_uid: str) -> None:
        raise GatewayUnavailable("no route")

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "payment", unreachable)
        with pytest.raises(ReversalNotRead, match="no route"):
            accept(payment, gateway)
    assert not RefundReversal.objects.exists()
    assert accept(payment, gateway, expected=4_000).amount == 4_000


def test_reversal_waits_for_an_open_refund() -> None:
    payment, gateway = refunded(4_000)
    take_back(gateway)
    make_refund(payment, status="unknown")
    with pytest.raises(RefundInProgress):
        accept(payment, gateway)


def test_refund_without_an_answer_is_handed_to_staff_before_a_reversal() -> None:
    payment, gateway = refunded(4_000)
    take_back(gateway)
    open_refund = make_refund(payment, status="unknown", requested_at=timezone.now() - timedelta(hours=1))
    [result] = reconcile(payments=Payment.objects.all(), gateway=gateway)
    assert (result.outcome, result.unresolved) == ("taken_back", open_refund)
    open_refund.refresh_from_db()
    assert (open_refund.status, open_refund.needs_review) == ("unknown", True)
    close_by_hand(refund=open_refund, actor=MANAGER, reason="nothing at the PG", gateway=gateway)
    assert accept(payment, gateway).amount == 4_000


def test_refusal_says_that_a_reversal_waits() -> None:
    payment, gateway = refunded(4_000, 1_000)
    take_back(gateway)
    with pytest.raises(RefundRefused, match="staff have not accepted that yet"):
        refund(payment, gateway, 2_000)
    payment.refresh_from_db()
    assert payment.taken_back == 4_000


def test_limits_count_what_was_not_taken_back() -> None:
    payment, gateway = refunded(4_000, 6_000)
    take_back(gateway, amount=1_000)
    accept(payment, gateway)
    assert payment.refunds.counting().taken_total() == 9_000


@pytest.mark.parametrize("status", ["", "paid", "ready", "cancelled"])
@pytest.mark.parametrize(
    ("amounts", "taken"),
    [
        ((10_000,), {}),
        ((10_000,), {"amount": 3_000}),
        ((4_000, 6_000), {}),
        ((4_000, 6_000), {"amount": 1_000}),
        ((4_000, 6_000), {"keep_item": True}),
    ],
    ids=["whole", "part", "one of two", "part of one of two", "the item stays"],
)
def test_ledger_equals_i_mport_after_every_kind(
    sandbox: SandboxServer, amounts: tuple[int, ...], taken: dict[str, Any], status: str
) -> None:
    payment = paid_at_sandbox(sandbox)
    for amount in amounts:
        refund(payment, None, amount)
    shown = sandbox.take_back(payment.imp_uid, status=status, **taken)
    [result] = reconcile(payments=Payment.objects.all())
    assert result.outcome == "taken_back"
    accept(payment, None)
    nets(payment)
    assert (payment.cancel_amount, payment.status) == (shown["cancel_amount"], shown["status"])
    [result] = reconcile(payments=Payment.objects.all())
    assert result.outcome == "agrees"
    if payment.was_paid:
        refund(payment, None, int(payment.refundable_amount))
        assert payment.cancel_amount == sandbox.payment(payment.imp_uid)["cancel_amount"] == 10_000


def test_preview_names_the_refunds_and_writes_nothing() -> None:
    payment, gateway = refunded(4_000, 6_000)
    take_back(gateway)
    preview = preview_reversal(payment=payment, gateway=gateway)
    assert [(share.record.checksum, share.amount) for share in preview.shares] == [(10_000, 4_000)]
    assert (preview.shown, preview.difference) == (6_000, 4_000)
    assert nets(payment) == [4_000, 6_000]


@pytest.mark.django_db(transaction=True)
def test_parallel_acceptances_reverse_once() -> None:
    for _ in range(30):
        payment, gateway = refunded(4_000, 6_000)
        take_back(gateway)

        def attempt(payment: Payment = payment, gateway: InstantGateway = gateway) -> str:
            try:
                return str(int(accept(payment, gateway).amount))
            except NothingTakenBack as exc:
                return exc.code

        assert sorted(map(str, at_once(attempt, attempt))) == ["4000", "nothing_taken_back"]
        assert nets(payment) == [0, 6_000]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_database_refuses_to_reverse_more_than_was_refunded() -> None:
    """A lost lock would still not let two connections reverse one refund twice."""
    assert connection.vendor == "postgresql"
    record = make_refund(amount=Decimal(4_000))

    def add() -> object:
        try:
            return RefundRecord.objects.filter(pk=record.pk).update(reversed_amount=F("reversed_amount") + 4_000)
        except IntegrityError:
            return "refused"

    assert sorted(map(str, at_once(add, add))) == ["1", "refused"]
