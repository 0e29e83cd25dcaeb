"""Run the operations that `scale` times, on the database of this process. Import it with Django set up."""

import json
import sys
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from access.tokens.service import create_token
from benchmarks.data import RARE_NAME
from core.dates import add_months, parse_moment
from payments.models import Payment, PaymentStatus
from refunds.models import RefundRecord, StatementMonth
from refunds.reconciliation.reconcile import reconcile
from refunds.statements.months import this_month
from tests.production import HOST
from tests.sandbox_control import SandboxControl

PAYMENTS, REFUNDS = "/admin/payments/payment/", "/admin/refunds/refundrecord/"
ORDERS = 100  # that can be refunded
MONTH = timedelta(days=30)
Operation = Callable[[], int]  # returns how many items it handled


def serve() -> None:
    """Write the names of the operations, then do each that is named: answer its time (ms) and its items."""
    operations = _operations()
    _write(list(operations))
    for line in sys.stdin:
        operate = operations[line.strip()]
        started = time.perf_counter()
        items = operate()
        _write([(time.perf_counter() - started) * 1000, items])


def plans() -> None:
    """Print each operation's queries that take longest, with the plans of the database."""
    for name, operate in _operations().items():
        operate()
        queries: list[tuple[float, str, Any]] = []
        with connection.execute_wrapper(_recorder(queries)):
            operate()
        print(f"\n=== {name}: {len(queries)} queries")
        for seconds, sql, params in sorted(queries, key=lambda query: -query[0])[:3]:
            print(f"--- {seconds * 1000:.1f} ms: {sql[:2000]}")
            if sql.startswith("SELECT"):
                _explain(sql, params)


def _write(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _operations() -> dict[str, Operation]:
    user = User.objects.create_superuser("benchmark")
    staff = Client(SERVER_NAME=HOST)
    staff.force_login(user)
    # An order in the middle of the history. The digits of its buyer's telephone are mixed: the first buyer's are zeros.
    one = Payment.objects.get(pk=Payment.objects.count() // 2 + 7)
    refund = RefundRecord.objects.all()[RefundRecord.objects.count() // 2]
    searches = {
        "search, order number": (PAYMENTS, one.merchant_uid),
        "search, e-mail": (PAYMENTS, one.buyer_email),
        "search, telephone": (PAYMENTS, one.buyer_tel),
        "search, rare name": (PAYMENTS, RARE_NAME),
        "search, surname": (PAYMENTS, "김"),
        "search, part of a name": (PAYMENTS, RARE_NAME[2:]),
        "search, last digits": (PAYMENTS, one.buyer_tel[-4:]),
        "search, beginning of an order": (PAYMENTS, one.merchant_uid[:-4]),
        "search, amount": (PAYMENTS, "63,000원"),
        "search, goods": (PAYMENTS, "커피"),
        "search, twenty orders": (PAYMENTS, ", ".join(_numbers(20))),
        "search, nothing found": (PAYMENTS, "zzzzzz"),
        "search, refunds of a buyer": (REFUNDS, one.buyer_name),
        "search, refunds by last digits": (REFUNDS, one.buyer_tel[-4:]),
        "search, refund number": (REFUNDS, refund.number),
        "search, refunds of an order": (
            REFUNDS,
            refund.payment.merchant_uid,
        ),
    }
    return {
        "refund": _refunds(user),
        "payments list": _page(staff, PAYMENTS),
        "refunds list": _page(staff, REFUNDS),
        **{name: _page(staff, f"{path}?{urlencode({'q': text})}") for name, (path, text) in searches.items()},
        "overview": _page(staff, "/admin/"),
        "statement of a month": _statement(staff),
        "export of a month": _export(staff),
        "reconcile": _reconciliation(),
    }


def _numbers(count: int) -> list[str]:
    """Return so many order numbers from the whole history."""
    every = max(1, Payment.objects.count() // count)
    return [f"ORD-{100_000_000 + number * every}" for number in range(1, count + 1)]


def _page(client: Client, url: str) -> Operation:
    def show() -> int:
        answer = client.get(url)
        assert answer.status_code == 200, answer
        return answer.content.count(b'name="_selected_action"')

    return show


def _refunds(user: User) -> Operation:
    """Refund one of the prepared orders over the API, which lie scattered over the whole history."""
    paid = Payment.objects.filter(status=PaymentStatus.PAID, pay_method="card", pg_provider="html5_inicis")
    keys = paid.filter(sandbox=False, refunds=None).order_by("pk").values_list("pk", flat=True)
    orders = iter(_at_the_sandbox(Payment.objects.filter(pk__in=keys[:: max(1, keys.count() // ORDERS)])))
    client, secret = Client(SERVER_NAME=HOST), create_token(user=user, name="benchmark")[1]

    def refund() -> int:
        body = {"merchant_uid": next(orders).merchant_uid, "reason": "변심"}
        headers = {"Authorization": f"Token {secret}"}
        answer = client.post("/payments/cancel", body, content_type="application/json", headers=headers)
        assert answer.status_code == 200, answer.content
        return 1

    return refund


def _statement(client: Client) -> Operation:
    """Show the statement of the last month that is over; the one before it was closed when it ended."""
    month = add_months(this_month(), -1)
    closed_at = parse_moment(month)
    StatementMonth.objects.create(month=add_months(month, -1), closed_at=closed_at, closed_by_name="benchmark")
    return _page(client, f"/admin/refunds/statementmonth/{month:%Y-%m}/")


def _export(client: Client) -> Operation:
    """Export a month of refunds as CSV."""
    first, last = timezone.localdate() - 2 * MONTH, timezone.localdate() - MONTH
    query = urlencode({"requested_at_from": first, "requested_at_to": last})

    def export() -> int:
        answer: Any = client.post(f"{REFUNDS}export/?{query}", {"format": "csv"})
        return sum(1 for _row in answer.streaming_content) - 2  # a mark and the headings

    return export


def _reconciliation() -> Operation:
    """Reconcile everything that is open: i'mport says that each is still to come."""
    live = RefundRecord.objects.live().values("payment")
    _at_the_sandbox(Payment.objects.filter(pk__in=live))

    def compare() -> int:
        outcomes = [result.outcome for result in reconcile()]
        assert set(outcomes) == {"waiting"}, outcomes
        return len(outcomes)

    return compare


def _at_the_sandbox(payments: Iterable[Payment]) -> list[Payment]:
    """Let i'mport show these payments, paid and not refunded."""
    found = list(payments)
    names = ("imp_uid", "merchant_uid", "amount", "pay_method", "pg_provider")
    shown = [{name: getattr(payment, name) for name in names} for payment in found]
    SandboxControl(settings.IAMPORT_API_URL).create_payments(shown)
    return found


def _recorder(queries: list[tuple[float, str, Any]]) -> Any:
    def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        result = execute(sql, params, many, context)
        queries.append((time.perf_counter() - started, sql, params))
        return result

    return record


def _explain(sql: str, params: Any) -> None:
    explain = "EXPLAIN (ANALYZE, BUFFERS)" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}", params)
        print(*(row[-1] for row in cursor.fetchall()), sep="\n")
