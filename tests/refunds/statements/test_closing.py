"""Closing a month beside refunds that settle at that moment, over the command and as the API shows it."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from access.tokens.service import create_token
from payments.models import Payment
from refunds.inputs import Actor
from refunds.models import AppendOnlyError, RefundRecord, StatementEntry, StatementMonth
from refunds.statements import closing
from refunds.statements.closing import close_month
from refunds.statements.entries import earlier_entries
from refunds.statements.errors import MonthAlreadyClosed, MonthNotClosed
from refunds.statements.months import first_open_month
from refunds.statements.read import statement_of
from tests.factories import make_payment, make_refund, make_staff

pytestmark = pytest.mark.django_db(transaction=True)

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
ACTOR = Actor("finance")


def may(day: int) -> datetime:
    return datetime(2026, 5, day, 3, tzinfo=UTC)


def close(month: date) -> StatementMonth:
    return close_month(month=month, actor=ACTOR, note=" May\x0b\u202ebooks\n", despite_difference=True)


def in_thread(work: Any, errors: list[BaseException]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - the test looks at it
            errors.append(exc)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.postgres
def test_what_settles_while_a_month_is_closed_is_in_exactly_one_month(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = make_payment(amount=Decimal(100_000), paid_at=may(1))
    open_refund = make_refund(payment, status="pending", amount=Decimal(3_000), requested_at=may(2))
    written, settled = threading.Event(), threading.Event()
    write_entries = closing._write_entries

    def pause_after_writing(period: Any) -> None:
        write_entries(period)
        written.set()
        assert settled.wait(20)

    monkeypatch.setattr(closing, "_write_entries", pause_after_writing)
    errors: list[BaseException] = []
    thread = in_thread(lambda: close(MAY), errors)
    assert written.wait(20)
    now = timezone.now() - timedelta(hours=1)  # booked before the closing began, committed after it had looked
    RefundRecord.objects.filter(pk=open_refund.pk).update(
        status="succeeded", cancelled_amount=3_000, cancelled_at=may(3), settled_at=now
    )
    settled.set()
    thread.join()
    assert errors == []
    monkeypatch.undo()

    closed, following = statement_of(MAY), statement_of(JUNE)
    assert closed.totals[0].refunded.sums.count == 0
    assert following.totals[0].refunded.earlier.amount == 3_000
    close(JUNE)
    assert list(StatementEntry.objects.values_list("month", "kind", "amount").order_by("pk")) == [
        (MAY, "paid", 100_000),
        (JUNE, "refunded", 3_000),
    ]


@pytest.mark.postgres
def test_of_two_who_close_a_month_at_once_one_does() -> None:
    make_payment(paid_at=may(1))
    errors: list[BaseException] = []
    threads = [in_thread(lambda: close(MAY), errors) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [MonthAlreadyClosed] * 3
    assert (StatementMonth.objects.count(), StatementEntry.objects.count()) == (1, 1)


def test_months_are_closed_in_order_and_only_when_over() -> None:
    make_payment(paid_at=may(1))
    with pytest.raises(MonthNotClosed) as refused:
        close(JUNE)
    assert refused.value.code == "month_not_next"
    assert first_open_month() == MAY
    close(MAY)
    month = JUNE
    while month < timezone.localdate().replace(day=1):
        close(month)
        month = first_open_month() or month
    with pytest.raises(MonthNotClosed) as refused:
        close(month)
    assert refused.value.code == "month_not_over"


def test_the_earliest_of_what_is_booked_late_come_first() -> None:
    payment = make_payment(paid_at=may(1))
    close(MAY)
    for day in (9, 3, 6):
        make_refund(payment, cancelled_at=may(day))
    make_payment(paid_at=may(4))

    def earliest() -> list[tuple[str, int]]:
        return [(entry.kind, timezone.localtime(entry.at).day) for entry in earlier_entries(JUNE, 3)]

    expected = [("refunded", 3), ("paid", 4), ("refunded", 6)]
    assert earliest() == expected
    close(JUNE)
    assert earliest() == expected


def test_a_closed_month_cannot_be_changed_even_by_sql() -> None:
    make_payment(paid_at=may(1))
    assert close(MAY).note == "May  books"
    for change in (
        "UPDATE refunds_statementmonth SET note = 'x'",
        "UPDATE refunds_statemententry SET amount = 1",
        "DELETE FROM refunds_statemententry",
        "DELETE FROM refunds_statementmonth",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
    with pytest.raises(AppendOnlyError):
        StatementMonth.objects.update(note="x")
    entry = StatementEntry.objects.get()
    entry.pk = None
    entry._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save()


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("statement", *arguments, stdout=out, stderr=StringIO())
    except SystemExit as exc:
        return int(exc.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_closes_every_month_up_to_the_named_one() -> None:
    make_refund(make_payment(paid_at=may(1)), requested_at=may(2), settled_at=may(2))
    make_payment(paid_at=may(1) + timedelta(days=70), currency="USD", amount=Decimal("12.34"))
    code, text = run("2026-07", "--close", "--json")
    assert (code, json.loads(text)["code"]) == (1, "month_differs")
    code, text = run("2026-07", "--close", "--anyway", "--note", "first", "--json")
    document = json.loads(text)
    assert (code, document["ok"], document["state"], document["note"]) == (0, True, "closed", "first")
    assert document["totals"][0]["net"] == 12.34
    assert [str(month) for month in StatementMonth.objects.all()] == ["2026-07", "2026-06", "2026-05"]
    code, text = run("2026-05", "--csv", "-")
    assert "10000" in text
    assert "9000" in text


def test_the_api_shows_months_to_those_who_see_reports(client: Client) -> None:
    make_refund(make_payment(paid_at=may(1)), requested_at=may(2), settled_at=may(2))
    close(MAY)
    tokens = {
        name: create_token(user=make_staff(permission, name=name), name=name)[1]
        for name, permission in (("finance", "view_reconciliationreport"), ("cashier", "refund_payment"))
    }

    def get(path: str, who: str = "finance") -> Any:
        return client.get(path, headers={"Authorization": f"Token {tokens[who]}"})

    assert get("/statements", "cashier").status_code == 403
    assert get("/statements/2026-05", "cashier").status_code == 403
    months = get("/statements").json()["results"]
    assert (months[0]["state"], months[-1]["month"], months[-1]["state"]) == ("running", "2026-05", "closed")
    shown = get("/statements/2026-05").json()
    assert shown["totals"][0]["refunded"] == {"count": 1, "amount": 1000, "earlier": {"count": 0, "amount": 0}}
    assert (shown["closed_by"], shown["despite_difference"]) == ("finance", True)
    assert get("/statements/2999-01").status_code == 404
    assert Payment.objects.count() == 1
