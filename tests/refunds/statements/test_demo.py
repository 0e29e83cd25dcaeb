"""The demo shop's statements against i'mport's own sums: those of a real sandbox, read over HTTP."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F, Sum
from django.utils import timezone

from core.dates import add_months, seoul_date
from payments.models import Payment
from refunds.inputs import Actor
from refunds.models import RefundRecord
from refunds.reconciliation.drift import compare_period
from refunds.statements.closing import close_month
from refunds.statements.months import first_open_month, this_month
from refunds.statements.read import Statement, statement_of
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)
Sums = dict[tuple[date, str], Decimal]


def month_of(epoch: int) -> date:
    return seoul_date(datetime.fromtimestamp(epoch, UTC)).replace(day=1)


def at_iamport(sandbox: SandboxServer) -> tuple[Sums, Sums]:
    """Return what the sandbox says was paid and refunded, by month and currency."""
    paid: Sums = defaultdict(Decimal)
    refunded: Sums = defaultdict(Decimal)
    for imp_uid in Payment.objects.real().values_list("imp_uid", flat=True):
        shown: dict[str, Any] = sandbox.payment(imp_uid)
        currency = shown["currency"]
        if shown["status"] in ("paid", "cancelled") and shown["paid_at"]:
            paid[month_of(shown["paid_at"]), currency] += Decimal(str(shown["amount"]))
        for item in shown["cancel_history"]:
            refunded[month_of(item["cancelled_at"]), currency] += Decimal(str(item["amount"]))
    return paid, refunded


def months() -> list[Statement]:
    month, found = first_open_month() or this_month(), []
    while month <= this_month():
        found.append(statement_of(month))
        month = add_months(month, 1)
    return found


def test_statements_of_the_demo_equal_the_ledger_and_the_sandbox(sandbox: SandboxServer, settings: Any) -> None:
    settings.DEBUG = True
    call_command("demo", stdout=StringIO())
    now = timezone.now()
    compare_period(since=now - timedelta(days=800), until=now)  # imports the cancel that the demo made at i'mport

    shown = months()
    paid, refunded = at_iamport(sandbox)
    in_statements = {(each.month, line.currency): line for each in shown for line in each.totals}
    assert {key: line.paid.sums.amount for key, line in in_statements.items() if line.paid.sums.count} == paid
    moved = {key: line.refunded.sums.amount for key, line in in_statements.items() if line.refunded.sums.count}
    assert moved == refunded
    ledger = Payment.objects.real().filter(cancel_amount__gt=0).order_by().values_list("currency")
    assert dict(ledger.annotate(Sum("cancel_amount"))) == {
        currency: sum(line.net_refunded for (_month, of), line in in_statements.items() if of == currency)
        for currency in {currency for currency, _sum in ledger.annotate(Sum("cancel_amount"))}
    }

    done = RefundRecord.objects.real().succeeded().filter(cancelled_amount=F("amount")).order_by("pk")[0]
    for each in shown[:-1]:
        close_month(month=each.month, actor=Actor("finance"), despite_difference=True)
    sandbox.take_back(done.payment.imp_uid, done.cancelled_amount)
    call_command("reconcile", done.payment.imp_uid, "--accept-reversal", stdout=StringIO())
    assert [statement_of(each.month).totals for each in shown[:-1]] == [each.totals for each in shown[:-1]]
    total = next(line for line in statement_of(this_month()).totals if line.currency == done.payment.currency)
    assert total.reversed.sums.amount == done.cancelled_amount
