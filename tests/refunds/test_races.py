"""Parallel requests for one payment, each on its own connection: one live refund, never twice or above the amount."""

import threading
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from payments.gateway import Cancellation, CancelRequest, GatewayPayment
from payments.intake.mirror import mirror_payment
from payments.models import Payment
from refunds.inputs import Actor, RefundRequest
from refunds.ledger import plan
from refunds.models import RefundEvent, RefundRecord, RefundSource
from refunds.services.bank_accounts import drop_old_accounts
from refunds.services.buyer_limits import MAX_OPEN_PER_BUYER
from refunds.services.refund import request_refund
from refunds.services.settle import settle_failed, settle_unknown
from tests.factories import make_payment, make_refund, make_staff, make_stored_account, make_user
from tests.fakes import InstantGateway
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

RACES = 60  # without the lock, nearly every one pays twice


class AcceptingGateway(InstantGateway):
    """Accepts each cancel, to execute it later."""

    def cancel(self, request: CancelRequest) -> GatewayPayment:
        return self.payment(request.imp_uid)


def refund(payment: Payment, gateway: InstantGateway, actor: Actor, key: str | None = None) -> str:
    request = RefundRequest(amount=Decimal(6_000), reason="race")
    record = request_refund(
        payment=payment, request=request, actor=actor, source=RefundSource.API, idempotency_key=key, gateway=gateway
    )
    return record.number


def refund_one(payments: list[Payment], actor: Actor) -> str:
    payment = payments.pop()
    return refund(payment, AcceptingGateway(payment), actor)


def test_parallel_refunds_of_one_buyer_stay_within_the_limit_of_open_ones() -> None:
    for number in range(10):
        buyer = make_user(f"buyer-{number}")
        for _ in range(MAX_OPEN_PER_BUYER - 1):
            make_refund(status="unknown", requested_by=buyer)
        payments = [make_payment(user=buyer) for _ in range(2)]

        results = at_once(*[partial(refund_one, payments, Actor("buyer", buyer))] * 2)
        assert sorted(result == "busy" for result in results) == [False, True]


def test_parallel_refunds_above_the_amount_move_money_once() -> None:
    actor = Actor("race")
    for _ in range(RACES):
        payment = make_payment(amount=Decimal(10_000))
        gateway = InstantGateway(payment)
        results = at_once(*[partial(refund, payment, gateway, actor)] * 2)
        payment.refresh_from_db()
        assert payment.cancel_amount == 6_000
        assert len(gateway.cancels) == 1
        assert len(results) == 2
        assert any(code in ("refund_in_progress", "amount_exceeds_balance") for code in results)


@pytest.mark.parametrize("left", [100_000, 6_000])
def test_one_idempotency_key_refunds_once_and_gives_all_the_same_result(left: int) -> None:
    actor = Actor("race", make_user())
    for number in range(RACES // 4):
        payment = make_payment(amount=Decimal(left))
        gateway = InstantGateway(payment)
        told = set(at_once(*[partial(refund, payment, gateway, actor, f"k{number}")] * 4))
        assert len(gateway.cancels) == 1
        # Never "already refunded", which would refer to the first request's own refund.
        assert told <= {RefundRecord.objects.get(payment=payment).number, "refund_in_progress"}


def test_parallel_partial_refunds_do_not_exceed_the_approval_limit(settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE = Decimal(9_000)
    staff = make_staff("refund_payment")
    for _ in range(RACES // 4):
        payment = make_payment(amount=Decimal(100_000))
        gateway = InstantGateway(payment)
        results = at_once(*[partial(refund, payment, gateway, Actor("staff", staff))] * 3)
        assert len(gateway.cancels) == 1
        refused = {"refund_in_progress", "awaiting_approval", "approval_waiting"}
        assert set(results) - refused == {payment.refunds.get().number}


def test_parallel_pruning_deletes_each_account_once() -> None:
    long_ago = timezone.now() - timedelta(days=400)
    for _ in range(60):
        make_stored_account(make_refund(settled_at=long_ago, requested_at=long_ago))
    dropped = at_once(*[lambda: drop_old_accounts(timezone.now())] * 4)
    assert sum(map(int, dropped)) == 60  # type: ignore[call-overload]
    assert RefundEvent.objects.filter(code="account_dropped").count() == 60


def test_record_is_committed_and_no_transaction_is_open_during_the_call() -> None:
    payment = make_payment()
    seen: list[tuple[bool, list[str]]] = []

    class WatchingGateway(InstantGateway):
        def on_cancel(self) -> None:
            def look() -> None:
                seen.append((False, list(RefundRecord.objects.values_list("status", flat=True))))
                connection.close()

            other_connection = threading.Thread(target=look)
            other_connection.start()
            other_connection.join()
            seen.append((connection.in_atomic_block, []))

    refund(payment, WatchingGateway(payment), Actor("race"))
    assert seen == [(False, ["requested"]), (False, [])]


@pytest.mark.postgres
@pytest.mark.parametrize("settle", ["unknown", "failed"])
def test_outcome_recorded_during_a_lookup_waits_for_it(settle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = make_payment()
    record = make_refund(payment, status="requested", amount=1_000, requested_at=timezone.now())
    gateway = InstantGateway(payment)
    gateway.cancels.append(Cancellation(Decimal(1_000), timezone.now(), "cancel-0", "", record.number))
    is_read, write = threading.Event(), threading.Event()
    claim = plan.claim

    def slowly(*arguments: Any) -> Any:
        is_read.set()
        write.wait(0.5)
        return claim(*arguments)

    monkeypatch.setattr(plan, "claim", slowly)

    def sync() -> None:
        mirror_payment(gateway.payment(payment.imp_uid))
        connection.close()

    reading = threading.Thread(target=sync)
    reading.start()
    assert is_read.wait(10)
    if settle == "unknown":
        settle_unknown(RefundRecord.objects.get(), "no answer")
    else:
        settle_failed(RefundRecord.objects.get(), code="gateway_unavailable", message="not sent")
    write.set()
    reading.join()

    record.refresh_from_db()
    assert (record.status, record.cancellation_id) == ("succeeded", "cancel-0")
