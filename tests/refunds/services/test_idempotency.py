"""`Idempotency-Key`: repeating a request gives one refund and the same response, whatever happened since."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from payments.models import Payment
from refunds.models import IdempotentAnswer, RefundRecord
from refunds.services.idempotency import KEEP_DAYS, forget_old_keys
from tests.entry_points import run_command
from tests.factories import ACCOUNT, ACCOUNT_DIGITS, make_staff, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer() -> User:
    return make_user("buyer")


@pytest.fixture
def shop(buyer: User) -> Client:
    client = Client()
    client.force_login(buyer)
    return client


def ask(client: Client, payment: Payment, key: str | None = "k-1", **fields: Any) -> HttpResponse:
    language = fields.pop("language", "en")
    headers = {"Accept-Language": language} | ({} if key is None else {"Idempotency-Key": key})
    body = {"merchant_uid": payment.merchant_uid} | fields
    return client.post("/payments/cancel", json.dumps(body), content_type="application/json", headers=headers)


def code(answer: HttpResponse) -> str:
    return str(answer.json().get("code", ""))


def is_replay_of(again: HttpResponse, first: HttpResponse) -> bool:
    """Return whether the response is identical and marked as a replay."""
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    return (again.status_code, again.content) == (first.status_code, first.content)


# --- The first response again --------------------------------------------------------------------------------


def test_a_repeat_gets_the_first_answer_word_for_word(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer, amount="20.30", currency="USD", pg_provider="paypal")
    first = ask(shop, payment, cancel_request_amount=0.1, language="ko")
    assert ask(shop, payment, key=None, cancel_request_amount=20.2).status_code == 200

    assert is_replay_of(ask(shop, payment, cancel_request_amount=0.1), first)
    assert len(sandbox.log("cancel")) == 2


@pytest.mark.parametrize(("fault", "status"), [("refuse", 422), ("http_429", 503)])
def test_a_failed_refund_is_told_again_and_not_tried_again(
    sandbox: SandboxServer, shop: Client, buyer: User, fault: str, status: int
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    sandbox.fault("cancel", fault, times=1)
    first = ask(shop, payment, language="ko")

    assert first.status_code == status
    # The key would replay it for ever: "retryable" applies to the same request.
    assert (first.json()["retryable"], first.headers.get("Retry-After")) == (False, None)
    assert is_replay_of(ask(shop, payment, language="en"), first)
    assert payment.refunds.count() == 1
    assert ask(shop, payment, key="k-2").status_code == 200


def test_without_a_key_every_request_is_a_new_one(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    answers = [ask(shop, payment, key=None, cancel_request_amount=1000) for _ in range(2)]

    assert [answer.json()["cancel_amount"] for answer in answers] == [1000, 2000]
    assert IdempotentAnswer.objects.count() == 0


def test_a_request_that_a_rule_refused_leaves_its_key_free(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    assert code(ask(shop, payment, cancel_request_amount=10_001)) == "amount_exceeds_balance"
    assert ask(shop, payment, cancel_request_amount=10_000).status_code == 200


def test_the_same_key_for_another_request_is_a_conflict(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment, other = (paid_at_sandbox(sandbox, user=buyer) for _ in range(2))
    ask(shop, payment, cancel_request_amount=1000)

    for answer in (
        ask(shop, payment, cancel_request_amount=2000),
        ask(shop, payment),
        ask(shop, payment, cancel_request_amount=1000, reason="size"),
        ask(shop, other, cancel_request_amount=1000),
    ):
        assert (answer.status_code, code(answer)) == (409, "idempotency_key_reused")
    assert len(sandbox.log("cancel")) == 1


def test_keys_belong_to_their_account(sandbox: SandboxServer, shop: Client, buyer: User, client: Client) -> None:
    client.force_login(make_staff("refund_payment"))
    payment = paid_at_sandbox(sandbox, user=buyer)
    first, others = (ask(asker, payment, cancel_request_amount=1000) for asker in (shop, client))

    assert first.json()["refund"]["id"] != others.json()["refund"]["id"]
    assert "Idempotent-Replayed" not in others.headers


@pytest.mark.parametrize(
    ("first", "again"),
    [("abc", '"abc"'), ('"abc"', "abc"), ('a"b\\c', '"a\\"b\\\\c"'), ('"a b"', '"a b"'), ("x" * 255, f'"{"x" * 255}"')],
)
def test_a_key_is_the_same_with_and_without_quotes(
    sandbox: SandboxServer, shop: Client, buyer: User, first: str, again: str
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    answer = ask(shop, payment, key=first)
    assert is_replay_of(ask(shop, payment, key=again), answer)


@pytest.mark.parametrize("key", ["", '""', '"', '"abc', "a b", '"a"b"', '"a\\b"', '"abc";p=1', "x" * 256, "é", "a\x7f"])
def test_a_malformed_key_is_refused(sandbox: SandboxServer, shop: Client, buyer: User, key: str) -> None:
    answer = ask(shop, paid_at_sandbox(sandbox, user=buyer), key=key)
    assert (answer.status_code, code(answer)) == (400, "invalid_idempotency_key")
    assert answer.json()["violations"][0]["field"] == "Idempotency-Key"
    assert sandbox.log("cancel") == []


# --- While the first request is open -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_repeat_while_the_first_runs_is_told_to_wait(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    sandbox.fault("cancel", "hang_before", times=1, seconds=4)
    answers: list[HttpResponse] = []

    def first() -> None:
        answers.append(ask(shop, payment))
        connection.close()

    running = threading.Thread(target=first)
    running.start()
    while not sandbox.log("cancel"):
        assert running.is_alive()
    meanwhile = ask(shop, payment)
    running.join()

    assert (meanwhile.status_code, code(meanwhile), meanwhile.json()["retryable"]) == (409, "refund_in_progress", True)
    assert int(meanwhile.headers["Retry-After"]) > 0
    assert "Idempotent-Replayed" not in meanwhile.headers
    assert is_replay_of(ask(shop, payment), answers[0])


def test_a_pending_refund_is_told_as_it_stands_and_then_as_it_ended(
    sandbox: SandboxServer, shop: Client, buyer: User
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    sandbox.fault("cancel", "accept_later", times=1)
    first = ask(shop, payment, cancel_request_amount=1000)
    assert (first.status_code, code(first)) == (202, "pending")
    assert is_replay_of(ask(shop, payment, cancel_request_amount=1000), first)

    sandbox.settle(payment.imp_uid)
    run_command("reconcile", payment.imp_uid)
    ended = ask(shop, payment, cancel_request_amount=1000)
    sandbox.console_cancel(payment.imp_uid, 500)
    run_command("reconcile", payment.imp_uid)

    assert (ended.status_code, ended.json()["cancel_amount"]) == (200, 1000)
    again = ask(shop, payment, cancel_request_amount=1000)
    assert (again.status_code, again.content) == (ended.status_code, ended.content)


def test_an_unknown_outcome_is_told_until_it_is_known(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    sandbox.fault("cancel", "drop_after", times=1)
    first = ask(shop, payment)
    assert is_replay_of(ask(shop, payment), first)
    assert (first.status_code, code(first)) == (504, "outcome_unknown")

    run_command("reconcile", payment.imp_uid)

    assert ask(shop, payment).status_code == 200
    assert len(sandbox.log("cancel")) == 1


# --- After later changes -------------------------------------------------------------------------------------


def test_a_repeat_is_answered_though_the_permission_to_refund_was_withdrawn(
    sandbox: SandboxServer, client: Client
) -> None:
    staff = make_staff("refund_payment", "view_payment")
    client.force_login(staff)
    payment = paid_at_sandbox(sandbox)
    first = ask(client, payment, cancel_request_amount=1000)
    staff.user_permissions.set(staff.user_permissions.filter(codename="view_payment"))

    assert code(ask(client, payment, key="k-2", cancel_request_amount=1000)) == "permission_denied"
    assert is_replay_of(ask(client, payment, cancel_request_amount=1000), first)


def test_a_repeat_of_what_may_no_longer_be_seen_is_not_found(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    ask(shop, payment)
    Payment.objects.update(user=make_user("new owner"))

    answer = ask(shop, payment)
    assert (answer.status_code, code(answer)) == (404, "payment_not_found")


def test_a_repeat_means_the_payment_of_the_first_though_its_order_was_paid_again(
    sandbox: SandboxServer, shop: Client, buyer: User
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer, merchant_uid="twice")
    whole, part = ask(shop, payment, cancel_request_amount=9000), ask(shop, payment, "k-2", cancel_request_amount=500)
    for _ in range(2):
        paid_at_sandbox(sandbox, user=buyer, merchant_uid="twice")

    assert code(ask(shop, payment, "k-3")) == "several_payments"
    assert is_replay_of(ask(shop, payment, cancel_request_amount=9000), whole)
    assert is_replay_of(ask(shop, payment, "k-2", cancel_request_amount=500), part)


def test_a_repeat_is_known_after_the_secret_key_was_rotated(
    sandbox: SandboxServer, shop: Client, buyer: User, settings: Settings
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    first = ask(shop, payment)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, [settings.SECRET_KEY]
    shop.force_login(buyer)
    assert is_replay_of(ask(shop, payment), first)


# --- If the response cannot be stored ------------------------------------------------------------------------


@contextmanager
def answers_cannot_be_kept() -> Iterator[None]:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("INSERT") and IdempotentAnswer._meta.db_table in sql:
            raise OperationalError("disk full")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        yield


def test_a_refund_is_told_though_its_answer_cannot_be_kept(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    with answers_cannot_be_kept():
        first = ask(shop, payment)

    assert first.status_code == 200
    assert IdempotentAnswer.objects.count() == 0
    # Built from the record, which gives the same response until the payment changes.
    assert is_replay_of(ask(shop, payment), first)
    assert IdempotentAnswer.objects.count() == 1


def test_kept_answers_hold_no_more_of_the_account_than_its_end(
    sandbox: SandboxServer, shop: Client, buyer: User
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer, pay_method="vbank")
    assert ask(shop, payment, **ACCOUNT).status_code == 200
    kept = IdempotentAnswer.objects.get().body

    assert f'"{ACCOUNT_DIGITS[-4:]}"' in kept
    assert ACCOUNT_DIGITS not in kept
    assert ACCOUNT["refund_account"] not in kept
    assert ACCOUNT["refund_holder"] not in kept


# --- Retention -----------------------------------------------------------------------------------------------


def test_keys_are_forgotten_after_their_time_and_not_before(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    first = ask(shop, payment, cancel_request_amount=1000)
    settled_at = RefundRecord.objects.get().settled_at
    assert settled_at is not None

    assert forget_old_keys(settled_at + timedelta(days=KEEP_DAYS)) == 0
    assert is_replay_of(ask(shop, payment, cancel_request_amount=1000), first)
    assert forget_old_keys(settled_at + timedelta(days=KEEP_DAYS, seconds=1)) == 1
    assert forget_old_keys(settled_at + timedelta(days=KEEP_DAYS, seconds=1)) == 0

    record = RefundRecord.objects.get()
    assert (record.idempotency_key, record.fingerprint) == (None, "")
    assert (record.status, record.cancelled_amount) == ("succeeded", Decimal(1000))
    assert IdempotentAnswer.objects.count() == 0
    assert ask(shop, payment, cancel_request_amount=1000).json()["cancel_amount"] == 2000


def test_keys_of_open_refunds_and_of_the_admin_are_never_forgotten(
    sandbox: SandboxServer, shop: Client, buyer: User
) -> None:
    sandbox.fault("cancel", "drop_after", times=1)
    ask(shop, paid_at_sandbox(sandbox, user=buyer))
    ask(shop, paid_at_sandbox(sandbox, user=buyer), key="admin's")
    RefundRecord.objects.filter(idempotency_key="admin's").update(source="admin")

    assert forget_old_keys(timezone.now() + timedelta(days=3650)) == 0
    assert RefundRecord.objects.filter(idempotency_key__isnull=False).count() == 2


def test_many_keys_are_forgotten_in_batches(
    sandbox: SandboxServer, shop: Client, buyer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refunds.services.idempotency._BATCH", 2)
    payment = paid_at_sandbox(sandbox, user=buyer)
    for number in range(5):
        ask(shop, payment, key=f"k-{number}", cancel_request_amount=1000)

    assert forget_old_keys(timezone.now() + timedelta(days=KEEP_DAYS + 1)) == 5
    assert IdempotentAnswer.objects.count() == 0


def test_a_key_of_the_admin_means_nothing_to_the_api(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    ask(shop, payment)
    RefundRecord.objects.update(source="admin")
    assert code(ask(shop, payment)) == "idempotency_key_reused"
