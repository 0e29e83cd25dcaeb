"""Database constraints hold even for code that bypasses the services."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from payments.models import Payment
from refunds.models import AppendOnlyError, Note, RefundEvent, RefundRecord, RefundReversal
from tests.factories import make_payment, make_user

pytestmark = pytest.mark.django_db


def make_record(payment: Payment, **fields: Any) -> RefundRecord:
    defaults: dict[str, Any] = {
        "payment": payment,
        "amount": Decimal(1_000),
        "checksum": payment.amount,
        "source": "api",
        "requested_at": timezone.now(),
    }
    return RefundRecord.objects.create(**{**defaults, **fields})


def succeeded(**fields: Any) -> dict[str, Any]:
    return {"status": "succeeded", "cancelled_amount": Decimal(1_000), "settled_at": timezone.now(), **fields}


@pytest.mark.parametrize(
    "fields",
    [
        {"cancel_amount": Decimal(-1)},
        {"cancel_amount": Decimal(10_001)},
        {"amount": Decimal(-1), "cancel_amount": Decimal(-1)},
        {"status": ""},
        {"paid_at": datetime(9999, 12, 31, tzinfo=UTC)},
        {"vbank_date": datetime(2100, 1, 1, tzinfo=UTC)},
        {"imp_uid": ""},
        {"cancel_amount": Decimal(1_000), "taken_back": Decimal(1_000)},
        {"cancel_amount": Decimal(1_000), "taken_back": Decimal(1_001), "taken_back_seen_at": timezone.now()},
        {"taken_back_seen_at": timezone.now()},
    ],
)
def test_impossible_payment_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_payment(**fields)


def test_imp_uid_is_unique() -> None:
    make_payment(imp_uid="imp_1")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_payment(imp_uid="imp_1")


@pytest.mark.parametrize("first", ["requested", "pending", "unknown"])
@pytest.mark.parametrize("second", ["requested", "pending", "unknown"])
def test_a_payment_has_one_live_refund(first: str, second: str) -> None:
    payment = make_payment()
    make_record(payment, status=first)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_record(payment, status=second)


def test_cancellation_is_unique() -> None:
    payment = make_payment()
    make_record(payment, **succeeded(cancellation_id="c1"))
    make_record(make_payment(), **succeeded(cancellation_id="c1"))
    with pytest.raises(IntegrityError), transaction.atomic():
        make_record(payment, **succeeded(cancellation_id="c1"))


def test_idempotency_key_is_unique_per_actor() -> None:
    user = make_user()
    make_record(make_payment(), requested_by=user, idempotency_key="k")
    make_record(make_payment(), requested_by=make_user("other"), idempotency_key="k")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_record(make_payment(), requested_by=user, idempotency_key="k")


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": Decimal(0)},
        {"status": "done"},
        {"status": "succeeded", "settled_at": timezone.now()},
        {"status": "succeeded", "cancelled_amount": Decimal(1)},
        {"status": "failed", "cancelled_amount": Decimal(1), "settled_at": timezone.now()},
        {"status": "requested", "cancelled_amount": Decimal(1)},
        {"status": "unknown", "settled_at": timezone.now()},
        {"reversed_amount": Decimal(1)},
        succeeded(reversed_amount=Decimal(1_001)),
        succeeded(reversed_amount=Decimal(-1)),
    ],
)
def test_record_with_amounts_that_contradict_its_status_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_record(make_payment(), **fields)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "requested", "cancelled_amount": None, "settled_at": None},
        {"status": "failed", "cancelled_amount": None},
        {"cancelled_amount": Decimal(2)},
        {"amount": Decimal(2)},
    ],
)
def test_a_final_record_keeps_its_status_and_amount(change: dict[str, Any]) -> None:
    record = make_record(make_payment(), **succeeded())
    with pytest.raises(IntegrityError), transaction.atomic():
        RefundRecord.objects.filter(pk=record.pk).update(**change)


def make_reversal(**fields: Any) -> RefundReversal:
    now = timezone.now()
    defaults: dict[str, Any] = {"amount": Decimal(1_000), "reason": "bank", "seen_at": now, "created_at": now}
    record = make_record(make_payment(), **succeeded())
    return RefundReversal.objects.create(refund=record, **{**defaults, **fields})


@pytest.mark.parametrize("fields", [{"amount": Decimal(0)}, {"amount": Decimal(-1)}, {"reason": ""}])
def test_reversal_without_an_amount_or_a_reason_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_reversal(**fields)


def test_timeline_reversals_and_notes_are_append_only() -> None:
    reversal = make_reversal()
    record = reversal.refund
    event = RefundEvent.objects.create(refund=record, at=timezone.now(), status="succeeded", code="reversed")
    author = make_user("author")
    note = Note.objects.create(
        payment=record.payment, refund=record, text="a", author=author, token=uuid4(), created_at=timezone.now()
    )
    histories = ((event, RefundEvent.objects), (reversal, RefundReversal.objects), (note, Note.objects))
    for row, rows in ((row, manager.all()) for row, manager in histories):
        for attempt in (row.save, row.delete, rows.delete):
            with pytest.raises(AppendOnlyError):
                attempt()
        with pytest.raises(AppendOnlyError):
            rows.update(refund=record)
        table = rows.model._meta.db_table
        for sql in (f"UPDATE {table} SET refund_id = refund_id", f"DELETE FROM {table}"):  # noqa: S608
            with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "table", ["refunds_note", "refunds_statemententry", "refunds_refundapproval", "payments_payment"]
)
def test_truncate_empties_no_history(table: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")
