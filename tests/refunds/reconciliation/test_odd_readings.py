"""Late or inconsistent data from i'mport: totals before their items, and cancels that violate our constraints."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

from payments.gateway import Cancellation, GatewayPayment, PaymentPage
from payments.gateway.iamport.mapping import payment_from
from payments.intake.inbox import add_notification, process_waiting
from payments.intake.mirror import mirror_payment
from payments.models import Notification, Payment
from refunds import tasks
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.reconciliation import reconcile as reconcile_module
from refunds.reconciliation.discrepancies import find_discrepancies
from refunds.reconciliation.drift import compare_period
from refunds.reconciliation.reconcile import reconcile
from tests.factories import make_payment
from tests.fakes import InstantGateway

pytestmark = pytest.mark.django_db


def shown(payment: Payment, total: int, *amounts: int, reasons: Sequence[str] = ()) -> GatewayPayment:
    """Return i'mport's payment with this total cancelled and these items in its history, a second apart."""
    now = timezone.now()
    history = tuple(
        Cancellation(
            amount=Decimal(amount),
            cancelled_at=now + timedelta(seconds=index),
            cancellation_id=f"item-{index}",
            reason=reasons[index] if index < len(reasons) else "console",
        )
        for index, amount in enumerate(amounts)
    )
    paid = InstantGateway(payment).payment(payment.imp_uid)
    return dataclasses.replace(
        paid, status="cancelled" if total else "paid", cancel_amount=Decimal(total), cancel_history=history
    )


def ledger(payment: Payment) -> list[tuple[int, str]]:
    payment.refresh_from_db()
    booked = payment.refunds.filter(status=RefundStatus.SUCCEEDED).order_by("requested_at", "pk")
    assert sum(refund.booked_amount for refund in booked) == payment.cancel_amount
    return [(int(refund.booked_amount), refund.cancellation_id) for refund in booked]


def requested(payment: Payment, amount: int = 1_000, *, age: timedelta = timedelta(hours=1)) -> RefundRecord:
    return RefundRecord.objects.create(
        payment=payment,
        source=RefundSource.API,
        amount=amount,
        checksum=payment.refundable_amount,
        requested_at=timezone.now() - age,
    )


class ReadOnlyGateway:
    """A gateway that returns these payments."""

    def __init__(self, payments: Iterable[GatewayPayment]) -> None:
        self.shown = {payment.imp_uid: payment for payment in payments}

    def payments(self, imp_uids: Sequence[str]) -> list[GatewayPayment]:
        return [self.shown[uid] for uid in imp_uids if uid in self.shown]

    def payment(self, imp_uid: str) -> GatewayPayment:
        return self.shown[imp_uid]

    def payments_between(self, start: datetime, end: datetime, *, status: str = "all") -> Iterator[PaymentPage]:
        yield PaymentPage(tuple(self.shown.values()), start, len(self.shown))


# --- The total before its items -----------------------------------------------------------------------------


def test_total_with_later_items_is_booked_once() -> None:
    payment = make_payment()
    for reading in (shown(payment, 5_000), *[shown(payment, 5_000, 2_000, 3_000)] * 3):
        mirror_payment(reading)
    assert ledger(payment) == [(5_000, "")]
    payment = Payment.objects.prefetch_related("refunds").get()
    assert find_discrepancies(payment, shown(payment, 5_000, 2_000, 3_000)) == []
    parts = payment.refunds.get().events.filter(code="part_shown")
    assert [event.data["cancellation_id"] for event in parts] == ["item-0", "item-1"]


def test_cancels_found_together_each_record_the_balance_before_them() -> None:
    payment = make_payment()
    mirror_payment(shown(payment, 6_000, 2_000, 3_000))
    found = payment.refunds.order_by("pk")
    assert [(refund.amount, refund.checksum) for refund in found] == [(2_000, 10_000), (3_000, 8_000), (1_000, 5_000)]


def test_the_binary_residue_of_a_total_is_not_booked() -> None:
    payment = make_payment(currency="USD", amount=Decimal(10))
    items = [{"amount": Decimal(text), "cancellation_id": f"c-{text}"} for text in ("0.1", "0.2")]
    raw = {"imp_uid": payment.imp_uid, "merchant_uid": payment.merchant_uid, "status": "cancelled", "currency": "USD"}
    raw |= {"amount": 10, "cancel_amount": Decimal("0.30000000000000004"), "cancel_history": items}
    for _ in range(3):
        mirror_payment(payment_from(raw))
    assert payment.refunds.count() == 2
    payment.refresh_from_db()
    assert payment.cancel_amount == Decimal("0.3")
    assert find_discrepancies(payment, payment_from(raw)) == []


# --- Payments that cannot be booked -------------------------------------------------------------------------


def odd_and_fine() -> tuple[Payment, RefundRecord, ReadOnlyGateway]:
    """Create a payment for which i'mport shows more cancelled than paid, and another with a lost refund."""
    odd = make_payment(paid_at=timezone.now())
    fine = make_payment(paid_at=timezone.now() - timedelta(days=1))
    requested(odd)
    paid = InstantGateway(fine).payment(fine.imp_uid)
    return odd, requested(fine), ReadOnlyGateway([shown(odd, 10_300, 10_300), paid])


def test_unbookable_payment_does_not_stop_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    odd, lost, gateway = odd_and_fine()
    monkeypatch.setattr(reconcile_module, "get_gateway", lambda: gateway)
    tasks.sweep()
    lost.refresh_from_db()
    assert lost.status == "failed"
    assert odd.refunds.get().next_check_at > timezone.now()


def test_unbookable_payment_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    odd, lost, gateway = odd_and_fine()
    found = {result.payment.pk: result for result in reconcile(gateway=gateway)}
    assert (found[odd.pk].outcome, found[odd.pk].unresolved) == ("unbookable", odd.refunds.get())
    assert found[lost.payment_id].outcome == "not_carried_out"
    assert odd.imp_uid in caplog.text


def test_unbookable_payment_stays_a_discrepancy() -> None:
    odd, _lost, gateway = odd_and_fine()
    report = compare_period(since=timezone.now() - timedelta(days=2), until=timezone.now(), gateway=gateway)
    assert (report.error, report.finished_at is not None, report.compared) == ("", True, 2)
    assert set(report.discrepancies.filter(repaired=False).values_list("imp_uid", flat=True)) >= {odd.imp_uid}


@pytest.mark.parametrize("by_number", [True, False], ids=["by number", "by date"])
def test_unbookable_payment_does_not_stop_a_sync(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], by_number: bool
) -> None:
    odd, fine = make_payment(), make_payment()
    # Two in our ledger, and two that are not.
    news = [make_payment(), make_payment()]
    readings = [
        shown(news[0], 10_300, 10_300),
        shown(odd, 10_300, 10_300),
        shown(news[1], 500, 500),
        shown(fine, 700, 700),
    ]
    for payment in news:
        payment.delete()
    monkeypatch.setattr("payments.intake.sync.get_gateway", lambda: ReadOnlyGateway(readings))
    with pytest.raises(SystemExit, match="1"):
        call_command("sync_payments", "--json", *([reading.imp_uid for reading in readings] if by_number else []))
    told = json.loads(capsys.readouterr().out)
    assert (told["read"], told["created"], told["updated"]) == (4, 1, 1)
    assert set(told["unbookable"]) == {odd.imp_uid, news[0].imp_uid}
    assert (told["missing"], told["error"], told["resume"]) == ([], "", "")
    assert sorted(Payment.objects.values_list("imp_uid", "cancel_amount")) == sorted(
        [(odd.imp_uid, 0), (fine.imp_uid, 700), (news[1].imp_uid, 500)]
    )


def test_unbookable_notified_payment_does_not_delay_the_next_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.intake.inbox.CHUNK", 3)
    odd, *others = [make_payment() for _ in range(7)]
    for payment in (odd, *others):
        add_notification(imp_uid=payment.imp_uid)
    readings = [InstantGateway(payment).payment(payment.imp_uid) for payment in others]
    done = process_waiting(gateway=ReadOnlyGateway([shown(odd, 10_300, 10_300), *readings]))
    assert (done.read, done.failed, done.is_down) == (6, 1, False)
    assert Notification.objects.get().imp_uid == odd.imp_uid
