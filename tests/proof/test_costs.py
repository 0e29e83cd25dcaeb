"""Limit the statements, transactions and calls to i'mport of a refund at each entry point. Never assert times."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from payments.models import Payment
from refunds.batches.run import run
from refunds.inputs import RefundRequest
from refunds.models import RefundBatch
from tests import api_client, entry_points
from tests.factories import make_staff, make_started_batch, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

# Without a test's own transaction: BEGIN and COMMIT count, and so does what runs after a commit.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database_clock]

TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
Refund = Callable[[Payment], Any]


def by_token(*, keyed: bool = False) -> Refund:
    _token, secret = api_client.make_token()
    return lambda payment: api_client.cancel(secret, {"imp_uid": payment.imp_uid}, **key_of(payment, keyed)).json()


def by_buyer(*, keyed: bool = False) -> Refund:
    client, buyer = Client(), make_user()
    client.force_login(buyer)

    def refund(payment: Payment) -> Any:
        body = json.dumps({"merchant_uid": payment.merchant_uid})
        headers = key_of(payment, keyed)
        return client.post("/payments/cancel", body, content_type="application/json", headers=headers).json()

    Payment.objects.update(user=buyer)
    return refund


def by_service() -> Refund:
    user = make_staff("refund_payment")
    return lambda payment: vars(entry_points.by_service(entry_points.Request(payment, user)))


def by_command() -> Refund:
    user = make_staff("refund_payment")
    return lambda payment: vars(entry_points.by_command(entry_points.Request(payment, user)))


def key_of(payment: Payment, keyed: bool) -> dict[str, str]:
    return {"Idempotency-Key": f"key-{payment.pk}"} if keyed else {}


def cost(refund: Refund, payment: Payment) -> tuple[int, int]:
    """Return how many statements a refund takes, and how many BEGIN and COMMIT."""
    with CaptureQueriesContext(connection) as captured:
        assert not refund(payment).get("code")
    control = sum(query["sql"].startswith(TRANSACTION_CONTROL) for query in captured.captured_queries)
    return len(captured) - control, control


# Statements, and BEGIN and COMMIT, at most. PostgreSQL is asked for its clock before the call; on SQLite the command
# tries first whether it can write. Of staff, one statement looks for a request that waits for approval, under the
# payment's lock; with a key, another looks for what the key made.
@pytest.mark.parametrize(
    ("entry_point", "options", "sqlite", "postgresql"),
    [
        (by_service, {}, (10, 4), (11, 4)),
        (by_command, {}, (17, 5), (16, 4)),
        (by_token, {}, (12, 4), (13, 4)),
        (by_token, {"keyed": True}, (15, 6), (16, 6)),
        (by_buyer, {}, (14, 4), (15, 4)),
        (by_buyer, {"keyed": True}, (17, 6), (18, 6)),
    ],
)
def test_a_refund_is_one_call_and_so_many_statements(
    sandbox: SandboxServer,
    entry_point: Callable[..., Refund],
    options: dict[str, bool],
    sqlite: tuple[int, int],
    postgresql: tuple[int, int],
) -> None:
    first, payment = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox)
    refund = entry_point(**options)
    refund(first)  # the first one of a process or a minute does more: i'mport's token, when our token was used
    statements, control = cost(refund, payment)
    most_statements, most_control = {"sqlite": sqlite, "postgresql": postgresql}[connection.vendor]
    assert statements <= most_statements
    assert control <= most_control
    assert (sandbox.stats()["getToken"], sandbox.stats()["cancel"]) == (1, 2)


def test_a_repeat_with_its_key_is_no_call(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    refund = by_token(keyed=True)
    refund(payment)
    statements, control = cost(refund, payment)
    assert statements <= 5
    assert control == 0
    assert sandbox.stats()["cancel"] == 1


def test_an_order_of_a_batch_is_one_call_and_so_many_statements(sandbox: SandboxServer) -> None:
    user, payments = make_staff("refund_payment"), [paid_at_sandbox(sandbox) for _ in range(3)]
    orders = [(payment, RefundRequest()) for payment in payments]
    batches = [make_started_batch(user, some) for some in (orders[:1], orders[1:])]

    def refund(batch: RefundBatch) -> int:
        with CaptureQueriesContext(connection) as captured:
            run(batch_id=batch.pk)
        return len(captured)

    # Claim it, read its requester and its batch's approval, see that its batch runs, find nothing made
    # with its key, and write the outcome.
    one, two = map(refund, batches)
    assert two - one <= {"sqlite": 25, "postgresql": 27}[connection.vendor]
    assert sandbox.stats()["cancel"] == 3
