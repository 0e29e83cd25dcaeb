"""i'mport shows less refunded than the ledger: the difference is noted, said everywhere, and goes by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from payments.gateway import GatewayPayment
from payments.intake.mirror import mirror_payment
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.reconciliation import reconcile as reconcile_module
from refunds.reconciliation.drift import compare_period
from refunds.reconciliation.reconcile import due_payments, import_cancels, reconcile, unresolved_payments
from tests.fakes import InstantGateway
from tests.refunds.taking_back import refund, refunded, take_back

pytestmark = pytest.mark.django_db

Reader = Callable[[Payment, InstantGateway], object]


def read(payment: Payment, gateway: InstantGateway) -> object:
    return mirror_payment(gateway.payment(payment.imp_uid))


# --- Noted ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "part", "difference"),
    [((10_000,), None, 10_000), ((4_000, 6_000), None, 4_000), ((10_000,), 3_000, 3_000)],
    ids=["the whole", "one of two", "a part"],
)
def test_cancel_taken_back_never_agrees(amounts: tuple[int, ...], part: int | None, difference: int) -> None:
    payment, gateway = refunded(*amounts)
    take_back(gateway, amount=part)
    [result] = reconcile(payments=Payment.objects.all(), gateway=gateway)
    assert result.outcome == "taken_back"
    for amount in (10_000 - difference, 10_000, difference):
        assert f"₩{amount:,}" in result.message
    payment.refresh_from_db()
    assert (int(payment.taken_back), int(payment.cancel_amount)) == (difference, 10_000)
    assert payment.taken_back_seen_at is not None


def by_listing(_payment: Payment, gateway: InstantGateway) -> object:
    return list(import_cancels(gateway=gateway))


def by_number(payment: Payment, gateway: InstantGateway) -> object:
    return list(sync_by_id([payment.imp_uid], gateway=gateway))


def by_check(_payment: Payment, gateway: InstantGateway) -> object:
    return list(reconcile(gateway=gateway, payments=Payment.objects.all()))


@pytest.mark.parametrize("reader", [read, by_listing, by_number, by_check])
def test_every_reading_notes_the_difference_and_clears_it(reader: Reader) -> None:
    payment, gateway = refunded(4_000, 1_000)
    before = list(gateway.cancels)
    take_back(gateway)
    reader(payment, gateway)
    payment.refresh_from_db()
    first_seen = payment.taken_back_seen_at
    assert payment.taken_back == 4_000

    gateway.cancels.clear()
    read(payment, gateway)
    payment.refresh_from_db()
    assert (int(payment.taken_back), payment.taken_back_seen_at) == (5_000, first_seen)

    gateway.cancels = before
    reader(payment, gateway)
    payment.refresh_from_db()
    assert (int(payment.taken_back), payment.taken_back_seen_at) == (0, None)


def older(shown: GatewayPayment, **change: object) -> GatewayPayment:
    return dataclasses.replace(shown, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("read_at", ["before", "unknown"])
def test_older_reading_notes_nothing_and_does_not_agree(read_at: str) -> None:
    payment, gateway = refunded()
    before = gateway.payment(payment.imp_uid)
    reading = older(before, read_at=before.read_at if read_at == "before" else None)
    refund(payment, gateway, 4_000)
    assert before.read_at is not None
    result = reconcile_module.repair(reading, before.read_at)
    assert result.outcome == "waiting"
    payment.refresh_from_db()
    assert (int(payment.taken_back), int(payment.cancel_amount)) == (0, 4_000)


def test_reading_without_a_time_counts_once_the_refund_is_long_booked() -> None:
    payment, gateway = refunded(4_000)
    payment.refunds.update(settled_at=timezone.now() - timedelta(days=1))
    take_back(gateway)
    mirror_payment(older(gateway.payment(payment.imp_uid), read_at=None))
    payment.refresh_from_db()
    assert payment.taken_back == 4_000


# --- Said ----------------------------------------------------------------------------------------------------


def test_sweep_reads_a_payment_with_a_difference_again_every_hour() -> None:
    payment, gateway = refunded(4_000)
    assert not unresolved_payments().exists()
    take_back(gateway)
    read(payment, gateway)
    assert list(unresolved_payments()) == [payment]
    now = timezone.now()
    assert not due_payments(now + timedelta(minutes=59)).exists()
    assert list(due_payments(now + timedelta(minutes=61))) == [payment]


def test_comparison_keeps_the_difference_unrepaired() -> None:
    payment, gateway = refunded(10_000)
    take_back(gateway)
    until = timezone.now()
    report = compare_period(since=until - timedelta(days=1), until=until, gateway=gateway)
    found = report.discrepancies.get(kind="refunded")
    assert (found.here, found.there, found.repaired) == ("₩10,000", "₩0", False)
    payment.refresh_from_db()
    assert payment.taken_back == 10_000
