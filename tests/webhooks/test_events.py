"""Events: one for each refund that ends, and none for a refund that is open or rolled back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.errors import RefundNotSent, RefundOutcomeUnknown, RefundRefused
from refunds.inputs import Actor, RefundRequest
from refunds.ledger import move
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.reconciliation.reconcile import reconcile
from refunds.reconciliation.reversal import accept_reversal
from refunds.services.refund import request_refund
from tests.factories import ACCOUNT, ACCOUNT_DIGITS, make_payment, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer
from tests.webhooks.conftest import Connected
from webhooks import receivers
from webhooks.delivery.service import deliver_due
from webhooks.endpoints import add_endpoint, switch_endpoint
from webhooks.events import body_of
from webhooks.models import Delivery, Event, EventType

pytestmark = pytest.mark.django_db


def refund(payment: Payment, amount: int = 3_000, **fields: Any) -> RefundRecord:
    request = RefundRequest(amount=Decimal(amount), reason="size", **fields)
    return request_refund(payment=payment, request=request, actor=Actor("tester"), source=RefundSource.API)


def told() -> list[tuple[str, int | None]]:
    return list(Event.objects.order_by("pk").values_list("type", "refund"))


def content(connected: Connected, number: int = -1) -> dict[str, Any]:
    deliver_due()
    return connected.receiver.received[number].verified_with(connected.secret)


def test_a_refund_through_the_api_is_told_with_the_payment_as_it_is_afterwards(
    sandbox: SandboxServer, client: Client, connected: Connected
) -> None:
    buyer = make_user()
    payment = paid_at_sandbox(sandbox, user=buyer)
    client.force_login(buyer)
    asked = {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 4_000, "reason": "사이즈"}
    answer = client.post("/payments/cancel", asked, content_type="application/json").json()

    event = content(connected)

    assert event["type"] == "refund.succeeded"
    assert event["timestamp"] == answer["refund"]["settled_at"]
    assert event["data"]["refund"] == answer.pop("refund")
    assert answer.pop("warnings") == []
    assert event["data"]["payment"] == answer
    assert answer["cancel_amount"] == 4_000


def test_a_refusal_is_told(sandbox: SandboxServer, connected: Connected) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "refuse", times=1)
    with pytest.raises(RefundRefused):
        refund(payment)

    event = content(connected)

    assert event["type"] == "refund.failed"
    assert event["data"]["refund"]["code"] == "refused_by_gateway"
    assert event["data"]["payment"]["cancel_amount"] == 0


def test_a_refund_that_was_never_sent_is_told_as_failed(
    sandbox: SandboxServer, settings: Settings, connected: Connected
) -> None:
    payment = paid_at_sandbox(sandbox)
    settings.IAMPORT_API_URL = "http://127.0.0.1:9"
    with pytest.raises(RefundNotSent):
        refund(payment)

    assert told() == [("refund.failed", payment.refunds.get().pk)]
    assert content(connected)["data"]["refund"]["code"] == "gateway_unavailable"


def test_an_unknown_refund_is_told_once_when_reconcile_settles_it(sandbox: SandboxServer, connected: Connected) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_after", times=1)
    with pytest.raises(RefundOutcomeUnknown):
        refund(payment)
    assert told() == []

    for _ in range(2):
        list(reconcile(payments=Payment.objects.all()))

    assert told() == [("refund.succeeded", payment.refunds.get().pk)]
    assert content(connected)["data"]["payment"]["refundable_amount"] == 7_000


def test_cancels_made_in_the_console_are_told_one_by_one(sandbox: SandboxServer, connected: Connected) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000)
    sandbox.console_cancel(payment.imp_uid, 2_000)

    for _ in range(2):
        list(sync_by_id([payment.imp_uid]))

    records = payment.refunds.order_by("pk")
    assert told() == [("refund.succeeded", record.pk) for record in records]
    assert len(records) == 2
    event = content(connected)
    assert event["data"]["refund"]["source"] == "console"
    assert event["data"]["payment"]["cancel_amount"] == 3_000


def test_a_refund_that_is_still_open_is_not_told(sandbox: SandboxServer, connected: Connected) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)

    assert refund(payment).status == RefundStatus.PENDING

    assert told() == []


def test_a_settlement_that_is_rolled_back_tells_nothing(connected: Connected) -> None:
    record = requested_refund()
    with transaction.atomic():
        fail(record)
        transaction.set_rollback(True)

    assert told() == []
    assert not Delivery.objects.exists()


def test_of_the_refund_account_only_the_last_digits_are_told(sandbox: SandboxServer, connected: Connected) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank")
    refund(payment, **ACCOUNT)

    assert content(connected)["data"]["refund"]["refund_account_last4"] == ACCOUNT_DIGITS[-4:]
    sent = connected.receiver.received[0].body.decode()
    assert ACCOUNT_DIGITS not in sent.replace("-", "")
    assert ACCOUNT["refund_holder"] not in sent


def test_the_body_is_the_same_for_every_endpoint_and_attempt(connected: Connected) -> None:
    add_endpoint(name="Other", url=connected.receiver.url, types=[])
    connected.receiver.answers = [500, 500, 200]
    record = requested_refund()
    fail(record)
    deliver_due()
    Payment.objects.update(name="renamed meanwhile")
    Delivery.objects.update(next_attempt_at=timezone.now())
    deliver_due()

    first, *others = connected.receiver.received
    assert len(others) == 3
    assert {(event.id, event.body) for event in others} == {(first.id, first.body)}


def test_two_that_write_the_body_at_once_send_what_the_first_one_wrote(connected: Connected) -> None:
    fail(requested_refund())
    first, second = Event.objects.get(), Event.objects.get()
    sent = body_of(first)
    Payment.objects.update(name="renamed meanwhile")
    assert body_of(second) == sent
    assert Event.objects.get().body == sent


@pytest.mark.parametrize(
    ("types", "expected"), [([], 1), (["refund.failed"], 1), (["refund.succeeded", "refund.failed"], 1)]
)
def test_an_endpoint_is_told_what_it_wants(connected: Connected, types: list[str], expected: int) -> None:
    connected.endpoint.types = types
    connected.endpoint.save()
    fail(requested_refund())
    assert Delivery.objects.count() == expected


@pytest.mark.parametrize("reason", ["switched off", "wants other events"])
def test_without_an_endpoint_that_wants_it_nothing_is_written_and_one_statement_asked(
    connected: Connected, reason: str
) -> None:
    if reason == "switched off":
        switch_endpoint(connected.endpoint, on=False)
    else:
        connected.endpoint.types = [EventType.REFUND_SUCCEEDED]
        connected.endpoint.save()
    record = requested_refund()
    with CaptureQueriesContext(connection) as queries:
        fail(record)

    assert sum("webhooks_" in query["sql"] for query in queries) == 1
    assert not Event.objects.exists()


def test_what_goes_wrong_in_telling_undoes_no_settlement(connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(record: RefundRecord) -> None:
        raise KeyError("a mistake")

    monkeypatch.setattr(receivers, "note_settlement", broken)
    record = requested_refund()
    with transaction.atomic():
        fail(record)

    record.refresh_from_db()
    assert record.status == RefundStatus.FAILED


def test_a_database_that_cannot_note_the_event_settles_nothing(
    connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(record: RefundRecord) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(receivers, "note_settlement", gone)
    record = requested_refund()
    with pytest.raises(OperationalError), transaction.atomic():
        fail(record)

    record.refresh_from_db()
    assert record.is_live


def test_the_database_refuses_a_second_event_of_one_refund(connected: Connected) -> None:
    record = requested_refund()
    fail(record)
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.create(type="refund.succeeded", refund=record, created_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.create(type="refund.succeeded", created_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.create(type="refund.reversed", refund=record, created_at=timezone.now())


def reverse(payment: Payment, sandbox: SandboxServer, amount: int) -> None:
    sandbox.take_back(payment.imp_uid, amount=amount)
    accept_reversal(payment=payment, actor=Actor("manager"), reason="the bank's words")


def test_each_reversal_is_told_with_its_amount(sandbox: SandboxServer, connected: Connected) -> None:
    payment = paid_at_sandbox(sandbox)
    record = refund(payment, 4_000)
    for amount in (1_000, 3_000):
        reverse(payment, sandbox, amount)
    assert told() == [("refund.succeeded", record.pk), ("refund.reversed", record.pk), ("refund.reversed", record.pk)]

    event = content(connected)
    assert event["type"] == "refund.reversed"
    assert (event["data"]["refund"]["status"], event["data"]["refund"]["reversed_amount"]) == ("succeeded", 4_000)
    assert event["data"]["payment"]["cancel_amount"] == 0
    reversal = event["data"]["reversal"]
    assert (reversal["refund"], reversal["amount"]) == (record.number, 3_000)
    assert event["timestamp"] == reversal["created_at"]
    assert "the bank's words" not in str(event)


def requested_refund() -> RefundRecord:
    payment = make_payment()
    return RefundRecord.objects.create(
        payment=payment, source=RefundSource.API, amount=1_000, checksum=10_000, requested_at=timezone.now()
    )


def fail(record: RefundRecord) -> None:
    move(record, RefundStatus.FAILED, code="refused", now=timezone.now(), error_code=RefundRefused.code)
