"""An i'mport whose clock differs, that alters reasons, and that names its cancels late or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection

from core import clock
from payments.models import Payment
from refunds.inputs import Actor
from refunds.messages import message_of
from refunds.models import RefundRecord, RefundStatus
from refunds.reconciliation.resolution import close_by_hand
from tests.entry_points import Outcome, Request, by_api, by_service, run_command
from tests.factories import make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

Quirk = tuple[str, dict[str, Any]]

NAVERPAY = {"pg_provider": "naverpay", "pay_method": "naverpay"}
LONG_REASON = "배송 중 파손되어 반품합니다 " * 6
DISTORTED: list[list[Quirk]] = [
    [("clock_shift", {"seconds": -65})],
    [("clock_shift", {"seconds": -7_200}), ("reason_altered", {"text": "고객 요청"})],
    [("clock_shift", {"seconds": 32_400}), ("reason_emptied", {})],
    [("reason_altered", {"text": "관리자페이지취소"})],
    [("reason_replaced", {"pattern": "[가-힣A-Z0-9]", "text": "?"})],
    [("reason_cut_characters", {"limit": 3}), ("clock_shift", {"seconds": -3_600})],
    [("reason_cut_bytes", {"limit": 100})],
    [("item_hidden", {})],
    [("id_missing", {}), ("pg_tid_missing", {}), ("reason_altered", {"text": "."})],
    [("item_repeated", {}), ("items_reversed", {}), ("reason_altered", {"text": "반품"})],
]


def names(quirks: list[Quirk]) -> str:
    return " ".join(f"{name}{''.join(map(str, options.values()))}" for name, options in quirks)


def switch_on(sandbox: SandboxServer, quirks: list[Quirk]) -> None:
    for name, options in quirks:
        sandbox.quirk(name, **options)


def refund(payment: Payment, user: User, amount: int, key: str | None = None) -> Outcome:
    return by_api(Request(payment=payment, user=user, amount=amount, reason=LONG_REASON.strip(), key=key))


def after_the_lease(payment: Payment) -> int:
    """Make the payment's refunds as old as their lease, run `reconcile`, and return its exit code."""
    for record in payment.refunds.live():
        record.requested_at -= timedelta(hours=1)
        record.save()
    return run_command("reconcile", payment.imp_uid)[0]


def agrees(sandbox: SandboxServer, payment: Payment) -> bool:
    payment.refresh_from_db()
    shown = sandbox.payment(payment.imp_uid)["cancel_amount"]
    booked = sum(record.net_amount for record in payment.refunds.all())
    return bool(payment.cancel_amount == booked == shown)


@pytest.mark.parametrize("fields", [{}, NAVERPAY], ids=["card", "naverpay"])
@pytest.mark.parametrize("quirks", DISTORTED, ids=names)
def test_lost_answer_is_found_whatever_the_item_looks_like(
    sandbox: SandboxServer, quirks: list[Quirk], fields: dict[str, str]
) -> None:
    payment, user = paid_at_sandbox(sandbox, **fields), make_staff("refund_payment")
    switch_on(sandbox, quirks)
    sandbox.fault("cancel", "drop_after", times=1)
    assert refund(payment, user, 4_000, key="a").code == "outcome_unknown"
    assert after_the_lease(payment) == 0
    assert refund(payment, user, 4_000, key="a").code == ""
    assert (payment.refunds.get().status, agrees(sandbox, payment)) == (RefundStatus.SUCCEEDED, True)
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 4_000


@pytest.mark.parametrize("fields", [{}, NAVERPAY], ids=["card", "naverpay"])
@pytest.mark.parametrize("quirks", [quirks for quirks in DISTORTED if "관리자" not in names(quirks)], ids=names)
def test_refusal_of_an_executed_cancel_is_a_success(
    sandbox: SandboxServer, quirks: list[Quirk], fields: dict[str, str]
) -> None:
    payment, user = paid_at_sandbox(sandbox, **fields), make_staff("refund_payment")
    switch_on(sandbox, quirks)
    sandbox.fault("cancel", "refuse_after", times=1)
    assert refund(payment, user, 2_500).code == ""
    assert (payment.refunds.count(), agrees(sandbox, payment)) == (1, True)


def test_money_that_only_the_total_shows_is_reported_as_refunded_and_reviewed(sandbox: SandboxServer) -> None:
    payment, user = paid_at_sandbox(sandbox), make_staff("refund_payment")
    sandbox.quirk("item_hidden", times=2)
    assert refund(payment, user, 4_000).answer == 200  # i'mport said yes
    assert payment.refunds.get().needs_review is False
    sandbox.fault("cancel", "drop_after", times=1)
    refund(payment, user, 1_000)
    after_the_lease(payment)
    assert [record.needs_review for record in payment.refunds.order_by("pk")] == [False, True]
    sandbox.complete(payment.imp_uid)
    assert run_command("reconcile", payment.imp_uid)[0] == 0
    assert all(record.cancellation_id for record in payment.refunds.all())
    assert (payment.refunds.count(), agrees(sandbox, payment)) == (2, True)


def test_closing_by_hand_never_denies_money_that_moved(sandbox: SandboxServer) -> None:
    payment, user = paid_at_sandbox(sandbox), make_staff("refund_payment")
    sandbox.fault("cancel", "accept_later", times=1)
    assert refund(payment, user, 4_000).code == "pending"
    sandbox.quirk("item_hidden")
    sandbox.settle(payment.imp_uid)
    record = payment.refunds.get()
    record.needs_review = True
    record.save()
    assert close_by_hand(refund=record, actor=Actor("staff"), reason="asked the PG").status == RefundStatus.SUCCEEDED


@pytest.mark.parametrize("amount", [4_000, 10_000])
@pytest.mark.parametrize(
    "quirks",
    [[("id_missing", {})], [("pg_tid_missing", {}), ("id_missing", {})], [("item_hidden", {})]],
    ids=names,
)
def test_cancel_that_is_named_later_is_booked_once(sandbox: SandboxServer, quirks: list[Quirk], amount: int) -> None:
    payment, user = paid_at_sandbox(sandbox), make_staff("refund_payment")
    switch_on(sandbox, quirks)
    assert refund(payment, user, amount).code == ""
    sandbox.clear_quirks()
    sandbox.complete(payment.imp_uid)
    assert run_command("reconcile", payment.imp_uid)[0] == 0
    assert (payment.refunds.count(), agrees(sandbox, payment)) == (1, True)
    if amount < 10_000:
        assert refund(payment, user, 1_000).code == ""
    assert agrees(sandbox, payment)


def test_renamed_cancel_is_booked_once(sandbox: SandboxServer) -> None:
    payment, user = paid_at_sandbox(sandbox), make_staff("refund_payment")
    refund(payment, user, 1_000)
    sandbox.console_cancel(payment.imp_uid, 1_000)
    for new_id in ("renamed-1", "renamed-2"):
        sandbox.rename_item(payment.imp_uid, new_id=new_id)
        assert run_command("reconcile", payment.imp_uid)[0] == 0
    assert sorted(payment.refunds.values_list("source", "cancelled_amount")) == [("api", 1_000), ("console", 1_000)]
    assert payment.refunds.filter(cancellation_id="renamed-2").exists()
    assert agrees(sandbox, payment)


@pytest.mark.parametrize(
    ("amount", "reason"), [("3000", "다른 시스템"), ("1000", "관리자페이지취소"), ("500", "RTHEXRDESK2")]
)
@pytest.mark.parametrize("fault", ["", "refuse_after", "drop_after"])
def test_cancel_of_another_desk_in_the_same_answer_is_not_ours(
    sandbox: SandboxServer, amount: str, reason: str, fault: str
) -> None:
    payment, user = paid_at_sandbox(sandbox), make_staff("refund_payment")
    sandbox.quirk("rival_cancel", amount=amount, reason=reason, after=True, times=1)
    if fault:
        sandbox.fault("cancel", fault, times=1)
    first = refund(payment, user, 1_000, key="k")
    after_the_lease(payment)
    again = refund(payment, user, 1_000, key="k")
    assert (first.code, again.code) == ("outcome_unknown" if fault == "drop_after" else "", "")
    ours = RefundRecord.objects.get(source="api")
    assert (ours.cancelled_amount, payment.refunds.get(source="console").reason) == (1_000, reason)
    assert agrees(sandbox, payment)


@pytest.mark.parametrize("quirk", ["twin_cancel", "total_late", "item_repeated", "items_reversed", "stale_reads"])
def test_nothing_is_booked_beyond_the_total(sandbox: SandboxServer, quirk: str) -> None:
    payment, user = paid_at_sandbox(sandbox), make_staff("refund_payment")
    sandbox.quirk(quirk)
    assert by_service(Request(payment=payment, user=user, amount=2_000)).code in {"", "pending"}
    payment.refresh_from_db()
    assert payment.cancel_amount <= sandbox.payment(payment.imp_uid)["cancel_amount"]
    sandbox.clear_quirks()
    sandbox.complete(payment.imp_uid)
    after_the_lease(payment)
    assert agrees(sandbox, payment)
    assert not payment.refunds.live().exists()


@pytest.mark.postgres
@pytest.mark.database_clock
def test_lease_ends_by_the_clock_of_the_database() -> None:
    before = clock.database_now()
    with time_machine.travel(before + timedelta(hours=2), tick=True):
        assert clock.database_now() - before < timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fields", [{}, NAVERPAY], ids=["card", "naverpay"])
@pytest.mark.parametrize("shows_item", [True, False], ids=["item", "total alone"])
def test_yes_to_our_call_is_what_its_requester_hears(
    sandbox: SandboxServer, fields: dict[str, str], shows_item: bool
) -> None:
    payment, user = paid_at_sandbox(sandbox, **fields), make_staff("refund_payment")
    sandbox.fault("cancel", "latency", seconds=1.5, times=1)
    if not shows_item:
        sandbox.quirk("item_hidden")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(in_thread, partial(refund, payment, user, 4_000, key="k"))
        wait_until(lambda: bool(sandbox.log("cancel")))
        after_the_lease(payment)  # a process whose clock is hours ahead gives the refund up
        given_up = payment.refunds.get()
        first = asked.result()
    assert (given_up.error_code, first.code, first.answer) == ("refund_not_carried_out", "", 200)
    assert refund(payment, user, 4_000, key="k").answer == 200
    late = payment.refunds.get(late_for=given_up)
    assert (late.status, late.needs_review, agrees(sandbox, payment)) == (RefundStatus.SUCCEEDED, True, True)
    assert "executed after all" in message_of(payment.refunds.get(pk=given_up.pk))


def in_thread(work: Callable[[], Outcome]) -> Outcome:
    try:
        return work()
    finally:
        connection.close()


def wait_until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("fault", ["refuse_after", "drop_after"])
def test_cancel_that_an_older_reading_hid_is_told_with_the_same_key(sandbox: SandboxServer, fault: str) -> None:
    payment, user = paid_at_sandbox(sandbox), make_staff("refund_payment")
    sandbox.quirk("stale_reads", reads=1, times=1)
    sandbox.fault("cancel", fault, times=1)
    refund(payment, user, 4_000, key="k")
    after_the_lease(payment)
    assert payment.refunds.get(source="api").status == RefundStatus.FAILED or agrees(sandbox, payment)
    after_the_lease(payment)
    again = refund(payment, user, 4_000, key="k")
    assert (again.code, again.answer) == ("", 200)
    assert "executed after all" in message_of(payment.refunds.get(source="api"))
    assert agrees(sandbox, payment)
