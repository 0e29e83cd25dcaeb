"""The rule of two persons holds at every entry point, in races, after a crash, and in the database itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.test import Client
from django.utils import timezone, translation
from pytest_django import Settings

from access.models import ApiToken
from access.tokens.service import create_token
from core.encryption.cipher import encrypt
from payments.models import Payment
from refunds.approvals.decide import approve, expire_changed, expire_overdue, reject, withdraw
from refunds.approvals.errors import ApprovalChanged, NotAnApprover, NoteRequired, NotTheRequester, OwnRequest
from refunds.approvals.view import current_view
from refunds.batches.outcomes import State, lines_of
from refunds.batches.run import run
from refunds.errors import ApprovalEnded, AwaitingApproval, RefundInProgress
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundApproval, RefundBatchItem, RefundRecord, RefundSource
from refunds.services.bank_accounts import stored_account
from refunds.services.refund import request_refund
from tests.admin_pages import confirmation, fill, sign_in
from tests.entry_points import run_command
from tests.factories import (
    ACCOUNT,
    ACCOUNT_DIGITS,
    make_approval,
    make_payment,
    make_refund,
    make_staff,
    make_started_batch,
    make_user,
    paid_at_sandbox,
)
from tests.fakes import InstantGateway
from tests.proof.test_kill import KILLED, all_agree, crash, let_leases_end
from tests.sandbox_server import SandboxServer
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = Decimal(5_000)
ALL = RefundRequest()


@pytest.fixture(autouse=True)
def limit(settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE = LIMIT


@pytest.fixture
def asker(db: None) -> User:
    """Staff who may approve refunds as well, but not their own."""
    return make_staff("refund_payment", "approve_refund", "view_payment", name="asker")


@pytest.fixture
def boss(db: None) -> User:
    return make_staff("approve_refund", "view_payment", name="boss")


def ask(payment: Payment, user: User, request: RefundRequest = ALL, **more: Any) -> RefundApproval:
    """Request a refund above the limit; return its request for approval."""
    actor = Actor(user.get_username(), user, more.pop("token", None))
    with pytest.raises(AwaitingApproval) as raised:
        request_refund(
            payment=payment,
            request=request,
            actor=actor,
            source=RefundSource.ADMIN,
            gateway=InstantGateway(payment),
            **more,
        )
    return raised.value.approval


def decide(approval: RefundApproval, user: User, gateway: InstantGateway) -> RefundRecord | None:
    seen = current_view(approval, gateway=gateway).seen
    return approve(approval=approval, user=user, seen=seen, note="fine", gateway=gateway)


# --- Every entry point ------------------------------------------------------------------------------------------------


def _by_admin(payment: Payment, user: User) -> None:
    client = sign_in(Client(), user)
    fill(client, confirmation(client, payment), {payment: {}}, read=True)


def _post(payment: Payment, **headers: str) -> dict[str, Any]:
    return {
        "path": "/payments/cancel",
        "data": json.dumps({"imp_uid": payment.imp_uid}),
        "content_type": "application/json",
        "headers": headers,
    }


def _by_api(payment: Payment, user: User) -> None:
    assert sign_in(Client(), user).post(**_post(payment)).status_code == 202


def _by_token(payment: Payment, user: User) -> None:
    _token, text = create_token(user=user, name="shop")
    assert Client().post(**_post(payment, Authorization=f"Token {text}")).status_code == 202


def _by_command(payment: Payment, _user: User) -> None:
    with pytest.raises(SystemExit):
        call_command("refund", payment.imp_uid, stdout=StringIO(), stderr=StringIO())


def _by_batch(payment: Payment, user: User) -> None:
    make_started_batch(user, [(payment, ALL), (make_payment(), ALL)])


@pytest.mark.parametrize("ask_by", [_by_admin, _by_api, _by_token, _by_command, _by_batch])
def test_no_entry_point_sends_a_refund_above_the_limit(
    ask_by: Callable[[Payment, User], None], asker: User, sandbox: SandboxServer
) -> None:
    payment = paid_at_sandbox(sandbox)
    ask_by(payment, asker)

    approval = RefundApproval.objects.get()
    assert approval.is_waiting
    assert not RefundRecord.objects.exists()
    assert "cancel" not in sandbox.stats()
    if approval.requested_by is not None:
        with pytest.raises(OwnRequest):
            decide(approval, asker, InstantGateway(payment))
    assert approval.payment in (payment, None)


def test_the_requester_decides_in_no_session_and_by_no_token(asker: User, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    approval = ask(payment, asker)
    _token, text = create_token(user=asker, name="shop")
    pressed = {"do": "approve", "seen": current_view(approval).seen}
    for session in (sign_in(Client(), asker), sign_in(Client(), asker)):
        session.post(f"/admin/refunds/refundapproval/request/{approval.number}/", pressed)
    headers = {"Authorization": f"Token {text}"}
    assert Client().post(f"/approvals/{approval.number}", pressed, headers=headers).status_code == 405
    answer = Client().post(f"/admin/refunds/refundapproval/request/{approval.number}/", pressed, headers=headers)
    assert answer.status_code == 302

    approval.refresh_from_db()
    assert approval.is_waiting
    assert "cancel" not in sandbox.stats()


def test_a_buyer_is_exempt_and_ends_the_request_by_it(asker: User, boss: User) -> None:
    buyer = make_user()
    payment = make_payment(user=buyer)
    approval, gateway = ask(payment, asker, RefundRequest(amount=Decimal(6_000))), InstantGateway(payment)
    actor = Actor("buyer", buyer)
    part = RefundRequest(amount=Decimal(4_000))
    request_refund(payment=payment, request=part, actor=actor, source=RefundSource.API, gateway=gateway)
    with pytest.raises(ApprovalEnded) as raised:
        decide(approval, boss, gateway)
    assert raised.value.approval.closed_code == "balance_changed"
    assert len(gateway.cancels) == 1

    second = ask(payment, asker)  # its balance changes as well, and nobody presses anything
    open_refund = make_refund(payment, status="pending", amount=Decimal(6_000))
    Payment.objects.filter(pk=payment.pk).update(cancel_amount=10_000)
    assert expire_changed(timezone.now()) == 0
    RefundRecord.objects.filter(pk=open_refund.pk).update(status="failed", settled_at=timezone.now())
    assert (expire_changed(timezone.now()), expire_changed(timezone.now())) == (1, 0)
    second.refresh_from_db()
    assert (second.status, second.closed_code) == ("expired", "balance_changed")


# --- The decision -----------------------------------------------------------------------------------------------------


def test_what_was_requested_is_sent_once_with_both_names(asker: User, boss: User) -> None:
    payment = make_payment(pay_method="vbank", pg_provider="html5_inicis")
    approval, gateway = ask(payment, asker, RefundRequest(reason="broken", **ACCOUNT)), InstantGateway(payment)
    assert ACCOUNT_DIGITS not in approval.encrypted_account

    record = decide(approval, boss, gateway)

    assert record is not None
    assert (record.status, record.amount, record.reason) == ("succeeded", approval.amount, "broken")
    assert (record.requested_by, record.approval) == (asker, approval)
    assert {("requested", "asker"), ("approved", "boss")} <= set(record.events.values_list("code", "actor"))
    account = stored_account(record)
    assert account is not None
    assert account.number == ACCOUNT_DIGITS
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by, approval.note) == ("approved", boss, "fine")
    assert approval.encrypted_account == ""
    with pytest.raises(ApprovalEnded):
        decide(approval, boss, gateway)
    assert len(gateway.cancels) == 1


def test_two_approvers_at_once_send_one_refund(asker: User, boss: User) -> None:
    second = make_staff("approve_refund", "view_payment", name="second")
    for _race in range(15):
        payment = make_payment()
        approval, gateway = ask(payment, asker), InstantGateway(payment)
        results = at_once(
            lambda: decide(approval, boss, gateway).number,  # noqa: B023
            lambda: decide(approval, second, gateway).number,  # noqa: B023
            lambda: reject(approval=approval, user=second, note="no"),  # noqa: B023
        )
        approval.refresh_from_db()
        assert len(gateway.cancels) == payment.refunds.count() == (approval.status == "approved")
        assert len(results) == 3


def test_two_refunds_at_once_do_not_both_fit_into_the_limit_of_the_day(asker: User, settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE, settings.REFUND_APPROVAL_DAILY = Decimal(0), Decimal(9_000)
    for actor in (Actor("asker", asker), Actor("manage.py (op)")):
        source = RefundSource.ADMIN if actor.user else RefundSource.COMMAND

        def refund(actor: Actor = actor, source: RefundSource = source) -> str:
            payment = make_payment()
            request = RefundRequest(amount=Decimal(6_000))
            gateway = InstantGateway(payment)
            return request_refund(payment=payment, request=request, actor=actor, source=source, gateway=gateway).status

        assert sorted(map(str, at_once(refund, refund, refund))) == ["awaiting_approval"] * 2 + ["succeeded"]


def test_a_request_ends_when_its_balance_requester_or_time_has_gone(
    asker: User, boss: User, settings: Settings
) -> None:
    token, _text = create_token(user=asker, name="shop")
    changed = ask(make_payment(), asker, RefundRequest(amount=Decimal(6_000)))
    revoked = ask(make_payment(), asker, token=token)
    late = ask(make_payment(), asker)
    Payment.objects.filter(pk=changed.payment_id).update(cancel_amount=1)
    ApiToken.objects.update(revoked_at=timezone.now())
    for approval, code in ((changed, "balance_changed"), (revoked, "requester_gone")):
        gateway = InstantGateway(approval.payment)
        with pytest.raises(ApprovalEnded):
            decide(approval, boss, gateway)
        assert (approval.status, approval.closed_code, gateway.cancels) == ("expired", code, [])
    assert expire_overdue(late.expires_at) == 1
    assert expire_overdue(late.expires_at) == 0
    gone = ask(make_payment(), asker)
    User.objects.filter(pk=asker.pk).update(is_active=False)
    with pytest.raises(ApprovalEnded):
        decide(gone, boss, InstantGateway(gone.payment))
    assert gone.closed_code == "requester_gone"
    assert not RefundRecord.objects.exists()


def test_only_an_approver_of_this_moment_decides(asker: User, boss: User) -> None:
    payment = make_payment()
    approval, gateway = ask(payment, asker), InstantGateway(payment)
    seen = current_view(approval, gateway=gateway).seen
    User.objects.filter(pk=boss.pk).update(is_active=False)  # the object still says that it is active
    for user in (boss, make_staff("refund_payment", name="colleague"), make_user()):
        with pytest.raises(NotAnApprover):
            approve(approval=approval, user=user, seen=seen, gateway=gateway)
        with pytest.raises(NotAnApprover):
            reject(approval=approval, user=user, note="no")
        with pytest.raises(NotTheRequester):
            withdraw(approval=approval, user=user)
    User.objects.filter(pk=boss.pk).update(is_active=True)
    with pytest.raises(NoteRequired):
        reject(approval=approval, user=boss, note=" ")
    make_refund(payment, status="requested")
    with pytest.raises(RefundInProgress):
        decide(approval, boss, gateway)
    withdraw(approval=approval, user=asker)
    assert (approval.status, gateway.cancels) == ("withdrawn", [])


def test_a_new_warning_of_the_bank_has_to_be_seen_before_it_is_sent(asker: User, boss: User) -> None:
    payment = make_payment(pay_method="vbank", pg_provider="html5_inicis")
    approval, gateway = ask(payment, asker, RefundRequest(**ACCOUNT)), InstantGateway(payment)
    view = current_view(approval, gateway=gateway)
    gateway.account_holder = lambda **_account: "somebody else"  # type: ignore[method-assign]
    for seen in (view.seen, "", current_view(ask(make_payment(), asker), gateway=gateway).seen):
        with pytest.raises(ApprovalChanged):
            approve(approval=approval, user=boss, seen=seen, gateway=gateway)
    assert gateway.cancels == []
    record = decide(approval, boss, gateway)
    assert record is not None
    assert record.status == "succeeded"


def test_a_repeated_key_gets_the_request_then_the_refund_or_its_end(asker: User, boss: User, client: Client) -> None:
    sign_in(client, asker)
    payment, other = make_payment(), make_payment()
    first = client.post(**_post(payment, **{"Idempotency-Key": "one"}))
    again = client.post(**_post(payment, **{"Idempotency-Key": "one"}))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    approval = RefundApproval.objects.get()
    decide(approval, boss, InstantGateway(payment))
    done = client.post(**_post(payment, **{"Idempotency-Key": "one"}))
    assert (done.status_code, done.json()["refund"]["status"]) == (200, "succeeded")
    assert client.get(f"/approvals/{approval.number}").json()["refund"] == done.json()["refund"]["number"]

    third = make_payment()  # requested at the moment at which the same key made a refund of the first payment
    late = make_approval(third, requested_by=asker, idempotency_key="three", fingerprint="of another request")
    make_refund(payment, requested_by=asker, idempotency_key="three", status="failed")
    refund = decide(late, boss, InstantGateway(third))
    assert refund is not None
    assert (refund.status, refund.idempotency_key) == ("succeeded", None)

    client.post(**_post(other, **{"Idempotency-Key": "two"}))
    waiting = client.get(f"/payments/{other.imp_uid}").json()["approval"]["number"]
    reject(approval=RefundApproval.objects.get(number=waiting), user=boss, note="no")
    ended = client.post(**_post(other, **{"Idempotency-Key": "two"}))
    assert (ended.status_code, ended.json()["code"]) == (409, "approval_rejected")
    assert [found["status"] for found in client.get("/approvals").json()["results"]] == [
        "rejected",
        "approved",
        "approved",
    ]
    assert sign_in(Client(), make_user()).get("/approvals").json()["results"] == []
    assert sign_in(Client(), make_user("b")).get(f"/approvals/{approval.number}").status_code == 404


def test_a_key_whose_refund_is_made_meanwhile_makes_no_request(asker: User) -> None:
    payment = make_payment(pay_method="vbank", pg_provider="html5_inicis")
    request = RefundRequest(amount=Decimal(4_000), **ACCOUNT)  # a second one would be above the limit
    first, second = InstantGateway(payment), InstantGateway(payment)
    ask_bank = second.account_holder

    def refund(gateway: InstantGateway) -> RefundRecord:
        actor, source = Actor("asker", asker), RefundSource.ADMIN
        return request_refund(
            payment=payment, request=request, actor=actor, source=source, idempotency_key="one", gateway=gateway
        )

    def ask_slowly(**account: str) -> str:
        refund(first)
        return ask_bank(**account)

    second.account_holder = ask_slowly  # type: ignore[method-assign]
    assert refund(second) == payment.refunds.get()
    assert (len(first.cancels), second.cancels) == (1, [])
    assert not RefundApproval.objects.exists()


# --- Bulk refunds -----------------------------------------------------------------------------------------------------


def test_an_approved_batch_refunds_its_orders_for_its_requester(
    asker: User, boss: User, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.BULK_APPROVAL_ABOVE = Decimal(15_000)
    payments = [paid_at_sandbox(sandbox) for _ in range(2)]
    batch = make_started_batch(asker, [(payment, ALL) for payment in payments])
    approval = RefundApproval.objects.get()
    run(batch_id=batch.pk)
    assert "cancel" not in sandbox.stats()
    with pytest.raises(OwnRequest):
        approve(approval=approval, user=asker, seen=current_view(approval).seen)
    with pytest.raises(IntegrityError), transaction.atomic():
        batch.items.update(amount=Decimal(9_000))

    assert approve(approval=approval, user=boss, seen=current_view(approval).seen) is None
    run(batch_id=batch.pk)

    for payment in payments:
        record = payment.refunds.get()
        assert (record.status, record.approval, record.requested_by) == ("succeeded", approval, asker)


def test_a_rejected_batch_can_be_changed_again(asker: User, boss: User, settings: Settings) -> None:
    settings.BULK_APPROVAL_ABOVE = Decimal(15_000)
    batch = make_started_batch(asker, [(make_payment(), ALL), (make_payment(), ALL)])
    reject(approval=RefundApproval.objects.get(), user=boss, note="too early")
    batch.refresh_from_db()
    assert batch.status == "checked"
    batch.items.update(amount=Decimal(1_000))


def test_an_order_that_became_a_request_shows_its_end(asker: User, boss: User, sandbox: SandboxServer) -> None:
    batches = []
    for _ in range(4):
        batch = make_started_batch(asker, [(paid_at_sandbox(sandbox), ALL)])
        run(batch_id=batch.pk)
        assert [line.state for line in lines_of(batch)] == [State.AWAITING]
        batches.append(batch)
    for batch in batches[2:]:  # as if the runner had been killed before it wrote that they wait
        batch.items.update(error_code="", message="", done_at=None, encrypted_account=encrypt("{}"))
    first, second, third, fourth = RefundApproval.objects.order_by("pk")
    for approval in (first, third):
        approve(approval=approval, user=boss, seen=current_view(approval).seen)
    for approval in (second, fourth):
        reject(approval=approval, user=boss, note="no")
    assert [lines_of(batch)[0].state for batch in batches] == [State.REFUNDED, State.SKIPPED] * 2
    assert [lines_of(batch)[0].code for batch in batches] == ["", "approval_rejected"] * 2
    assert not RefundBatchItem.objects.filter(Q(done_at=None) | ~Q(encrypted_account="")).exists()


def test_an_order_shows_why_its_request_ended_in_each_readers_language(asker: User, sandbox: SandboxServer) -> None:
    batch = make_started_batch(asker, [(paid_at_sandbox(sandbox), ALL)])
    run(batch_id=batch.pk)
    with translation.override("ko"):
        withdraw(approval=RefundApproval.objects.get(), user=asker)
    with translation.override("en"):
        assert "has ended: The requester withdrew it." in batch.items.get().message
    with translation.override("ko"):
        assert "요청자가 취하했습니다." in batch.items.get().message


# --- The database -----------------------------------------------------------------------------------------------------


def refused(write: Callable[[], object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        write()


def test_the_database_refuses_what_the_services_never_write(asker: User, boss: User) -> None:
    payment = make_payment()
    approval = ask(payment, asker)
    rows, now = RefundApproval.objects.filter(pk=approval.pk), timezone.now()
    decided = {"status": "approved", "decided_at": now, "encrypted_account": ""}
    record = {"payment": payment, "amount": Decimal(10_000), "requested_by": asker, "status": "requested"}
    refused(lambda: rows.update(amount=Decimal(9_000)))
    refused(lambda: rows.update(payment=make_payment()))
    refused(lambda: rows.update(requested_by=boss))
    refused(lambda: rows.update(**decided, decided_by=asker))
    refused(lambda: rows.update(**decided))
    refused(lambda: rows.update(idempotency_key="other"))
    refused(lambda: rows.delete())
    refused(lambda: make_refund(**record, approval=approval))  # it still waits
    refused(lambda: RefundApproval(**{**_fields(approval), **decided, "decided_by": boss}).save(force_insert=True))
    refused(lambda: RefundApproval(**_fields(approval)).save(force_insert=True))  # a second one of the payment

    rows.update(**decided, decided_by=boss)
    refused(lambda: rows.update(status="rejected"))
    refused(lambda: rows.update(decided_by=make_user()))
    refused(lambda: rows.update(encrypted_account=encrypt("account")))
    refused(lambda: make_refund(**{**record, "amount": Decimal(10_001)}, approval=approval))
    refused(lambda: make_refund(**{**record, "payment": make_payment()}, approval=approval))
    refused(lambda: make_refund(**{**record, "requested_by": boss}, approval=approval))
    refund = make_refund(**record, approval=approval)
    refused(lambda: RefundRecord.objects.filter(pk=refund.pk).update(amount=Decimal(1)))
    refused(lambda: RefundRecord.objects.filter(pk=refund.pk).update(approval=None))
    refused(lambda: make_refund(**{**record, "status": "succeeded"}, approval=approval))  # once


def _fields(approval: RefundApproval) -> dict[str, Any]:
    kept = ("payment", "source", "requested_by", "requested_by_name", "rule", "amount", "balance", "currency")
    return {name: getattr(approval, name) for name in (*kept, "requested_at", "expires_at")}


# --- A crash ----------------------------------------------------------------------------------------------------------


def test_process_killed_between_the_decision_and_the_end_is_reconciled(
    asker: User,
    boss: User,
    sandbox: SandboxServer,
    settings: Settings,
    child_environment: Callable[..., dict[str, str]],
) -> None:
    points = {"before the cancel is sent": "failed", "after the answer": "succeeded"}
    requests = {point: ask(paid_at_sandbox(sandbox), asker) for point in points}
    arguments = [text for point, approval in requests.items() for text in (point, approval.number)]

    assert crash(arguments, child_environment()) == [KILLED] * len(points)

    for approval in requests.values():
        with pytest.raises(ApprovalEnded):
            approve(approval=approval, user=boss, seen=current_view(approval).seen)
    let_leases_end(settings)
    assert run_command("reconcile")[0] == 0
    assert {point: approval.refunds.get().status for point, approval in requests.items()} == points
    assert all_agree(sandbox)
