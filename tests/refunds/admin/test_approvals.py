"""Two pairs of eyes in the admin: a refund above the limit is requested, and nobody else's press sends it twice."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from access.tokens.service import create_token
from payments.models import Payment
from refunds.models import RefundApproval, RefundRecord
from tests.admin_pages import codes, confirmation, fill, sign_in, states
from tests.factories import ACCOUNT, ACCOUNT_DIGITS, make_approval, make_refund, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True)]

HONG: dict[str, Any] = {"buyer_email": "hong@example.com", "buyer_tel": "010-2345-6789"}
LIST = "/admin/refunds/refundapproval/"


@pytest.fixture(autouse=True)
def limit(settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE = Decimal(50_000)


def staff(name: str, *permissions: str) -> Client:
    """Sign in as new staff who may refund, in a session of their own."""
    return sign_in(Client(HTTP_ACCEPT_LANGUAGE="en"), make_staff("refund_payment", *permissions, name=name))


@pytest.fixture
def requester(db: None) -> Client:
    """Staff who may approve refunds too, but not their own."""
    return staff("kim", "approve_refund")


@pytest.fixture
def approver(db: None) -> Client:
    return staff("lee", "approve_refund")


@pytest.fixture
def payment(sandbox: SandboxServer) -> Payment:
    return paid_at_sandbox(sandbox, amount=90_000, buyer_name="Hong", **HONG)


@pytest.fixture
def request_(requester: Client, approver: Client, payment: Payment) -> RefundApproval:
    return ask(requester, payment)


def ask(client: Client, payment: Payment, **typed: str) -> RefundApproval:
    """Request the refund of all that is left on the confirmation page."""
    page = confirmation(client, payment)
    fill(client, page, {payment: typed}, reason="Broken", read=True)
    return RefundApproval.objects.get(payment=payment, status="waiting")


def path(approval: RefundApproval) -> str:
    return f"{LIST}request/{approval.number}/"


def form_of(client: Client, approval: RefundApproval) -> dict[str, Any]:
    """Open the request's page; return what its form would send, with every tick."""
    page = client.get(path(approval)).text
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    return {"seen": seen[1] if seen else "", "read": re.findall(r'name="read" value="([^"]+)"', page), "note": ""}


def press(client: Client, approval: RefundApproval, do: str, form: dict[str, Any] | None = None, **typed: str) -> Any:
    """Press a button of the page as it is now, or as it was when `form` was read."""
    data = {**(form_of(client, approval) if form is None else form), "do": do, **typed}
    return client.post(path(approval), data, follow=True)


def status(approval: RefundApproval) -> str:
    approval.refresh_from_db()
    return str(approval.status)


def cancelled(sandbox: SandboxServer, payment: Payment) -> int:
    return int(sandbox.payment(payment.imp_uid)["cancel_amount"])


def test_page_says_before_the_press_that_a_second_person_decides(
    requester: Client, approver: Client, payment: Payment, sandbox: SandboxServer
) -> None:
    page = confirmation(requester, payment)
    assert "Request approval of ₩90,000" in page.text
    assert "needs_approval" in codes(page.text)
    assert "lee" in page.text

    answer = fill(requester, page, {payment: {}}, reason="Broken")
    approval = RefundApproval.objects.get()
    shown = requester.get(answer["Location"]).text
    assert states(shown) == {payment.merchant_uid: "awaiting"}
    assert path(approval) in shown
    assert "Waiting for approval" in shown
    assert "lee" in shown
    assert cancelled(sandbox, payment) == 0

    again = requester.post(page.url, {"token": page.token, "do": "refund"}, follow=True)
    assert "Nothing was refunded again" in again.text
    assert RefundApproval.objects.count() == 1


def test_refund_below_the_limit_goes_at_once(
    requester: Client, payment: Payment, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.REFUND_APPROVAL_DAILY = Decimal(60_000)
    page = confirmation(requester, payment)
    assert 'data-at-once="50000"' in page.text
    fill(requester, page, {payment: {"amount": "50,000"}})
    assert cancelled(sandbox, payment) == 50_000
    assert not RefundApproval.objects.exists()

    small = paid_at_sandbox(sandbox, amount=8_000)
    page = confirmation(requester, small)  # the script shows the notice once more is typed than is left of the day
    assert re.search(r'data-code="needs_approval" hidden>', page.text)
    assert 'data-at-once="10000"' in page.text
    assert "Refunds above ₩50,000 are approved by a second person." in page.text
    assert "Above ₩60,000 in one day, a second person approves further refunds." in page.text
    assert "within 7 days" in page.text
    page = confirmation(requester, small, paid_at_sandbox(sandbox, amount=3_000))
    assert 'data-code="needs_approval">' in page.text


def test_second_person_sees_all_of_it_and_approves_once(
    request_: RefundApproval, approver: Client, payment: Payment, sandbox: SandboxServer
) -> None:
    others: dict[str, dict[str, Any]] = {
        "Same telephone": {"buyer_email": "work@example.com", "buyer_tel": "+82 10 2345 6789"},
        "Same address": {"buyer_email": "Hong@example.com", "buyer_tel": "02-555-0199"},
        "Not this buyer": {"buyer_email": "chong@example.com", "buyer_tel": "010-2345-678"},
    }
    for reason, buyer in others.items():
        make_refund(paid_at_sandbox(sandbox, **buyer), reason=reason)
    shown = approver.get(path(request_)).text
    for text in ("₩90,000", payment.merchant_uid, "Hong", "kim", "Broken", "Approve and refund ₩90,000", "₩50,000"):
        assert text in shown
    assert "Same telephone" in shown
    assert "Same address" in shown
    assert "Not this buyer" not in shown
    two_tabs = form_of(approver, request_)

    answer = press(approver, request_, "approve", two_tabs, note="Seen the photos")
    assert answer.redirect_chain == [(path(request_), 302)]
    assert cancelled(sandbox, payment) == 90_000
    refund = RefundRecord.objects.get(payment=payment)
    assert refund.approval == request_
    assert f"/admin/refunds/refundrecord/{refund.pk}/change/" in answer.text
    assert "Refunded" in answer.text

    second = press(approver, request_, "approve", two_tabs)
    assert cancelled(sandbox, payment) == 90_000
    assert RefundRecord.objects.filter(payment=payment).count() == 1
    assert "lee approved" in second.text
    for page in (f"/admin/refunds/refundrecord/{refund.pk}/change/", f"/admin/payments/payment/{payment.pk}/change/"):
        shown = approver.get(page).text
        for text in ("Seen the photos", "kim", "lee", request_.number):
            assert text in shown


@pytest.mark.parametrize("do", ["approve", "reject"])
def test_requester_decides_in_no_session_and_is_told_why(
    request_: RefundApproval, requester: Client, payment: Payment, sandbox: SandboxServer, do: str
) -> None:
    shown = requester.get(path(request_)).text
    assert "nobody can approve what they asked for" in shown.lower()
    assert 'value="approve"' not in shown
    second = sign_in(Client(HTTP_ACCEPT_LANGUAGE="en"), User.objects.get(username="kim"))
    for client in (requester, second):
        press(client, request_, do, note="fine")
    assert status(request_) == "waiting"
    assert cancelled(sandbox, payment) == 0


@pytest.mark.parametrize("change", ["deactivated", "not permitted", "token revoked"])
def test_approver_is_told_that_the_requester_has_gone_and_frees_the_order(
    request_: RefundApproval, approver: Client, payment: Payment, sandbox: SandboxServer, change: str
) -> None:
    before = form_of(approver, request_)
    kim = User.objects.get(username="kim")
    gone = request_
    if change == "deactivated":
        User.objects.filter(pk=kim.pk).update(is_active=False)
    elif change == "not permitted":
        kim.user_permissions.clear()
    else:
        token, _text = create_token(user=kim, name="Old shop", revoked_at=timezone.now())
        gone = make_approval(paid_at_sandbox(sandbox), requested_by=kim, source="api", api_token=token)

    shown = approver.get(path(gone)).text
    assert "requester_gone" in codes(shown)
    assert "Old shop" in shown if change == "token revoked" else "kim is no longer allowed to refund" in shown
    assert 'value="approve"' not in shown
    assert "Approving sends" not in shown
    assert approver.get(LIST).text.count('data-state="requester_gone"') == 1
    assert status(gone) == "waiting"  # the requester may come back

    if gone == request_:  # a page that was opened before
        press(approver, gone, "approve", before)
        assert (status(gone), gone.closed_code) == ("expired", "requester_gone")
    else:
        press(approver, gone, "reject", note="Revoked")
        assert status(gone) == "rejected"
    assert cancelled(sandbox, payment) == 0
    assert 'data-state="requester_gone"' not in approver.get(LIST).text


@pytest.mark.parametrize("change", ["deactivated", "not permitted", "signed out"])
def test_approver_who_is_gone_decides_nothing(
    request_: RefundApproval, approver: Client, payment: Payment, sandbox: SandboxServer, change: str
) -> None:
    form = form_of(approver, request_)
    lee = User.objects.get(username="lee")
    if change == "deactivated":
        User.objects.filter(pk=lee.pk).update(is_active=False)
    elif change == "not permitted":
        lee.user_permissions.clear()
    else:
        approver.logout()
    press(approver, request_, "approve", form)
    assert status(request_) == "waiting"
    assert cancelled(sandbox, payment) == 0


def test_colleague_without_the_permission_sees_it_and_decides_nothing(
    request_: RefundApproval, sandbox: SandboxServer, payment: Payment
) -> None:
    colleague = staff("park")
    shown = colleague.get(path(request_)).text
    assert request_.number in shown
    assert 'value="approve"' not in shown
    press(colleague, request_, "approve")
    press(colleague, request_, "withdraw")
    assert status(request_) == "waiting"
    assert cancelled(sandbox, payment) == 0


def test_balance_that_changed_since_the_page_was_opened_sends_nothing(
    request_: RefundApproval, approver: Client, payment: Payment, sandbox: SandboxServer
) -> None:
    form = form_of(approver, request_)
    Payment.objects.filter(pk=payment.pk).update(cancel_amount=1_000, status="cancelled")

    answer = press(approver, request_, "approve", form)

    assert cancelled(sandbox, payment) == 0
    assert "has changed since it was requested" in answer.text
    assert status(request_) != "approved"


def test_warning_that_is_new_since_the_request_has_to_be_ticked(
    request_: RefundApproval, requester: Client, approver: Client, payment: Payment, sandbox: SandboxServer
) -> None:
    opened_before = form_of(approver, request_)
    other = paid_at_sandbox(sandbox, amount=90_000, escrow=True)
    known_before = ask(requester, other)
    assert form_of(approver, known_before)["read"] == []  # the requester saw it
    Payment.objects.filter(pk=payment.pk).update(escrow=True)

    form = form_of(approver, request_)
    assert len(form["read"]) == 1
    assert 'data-warning="escrow" data-when="now"' in approver.get(path(request_)).text
    for unread in (opened_before, {**form, "read": []}, {**form, "read": ["another"]}):
        answer = press(approver, request_, "approve", unread, note="Seen")
        assert "Read what is marked, tick it" in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert "Seen" in answer.text
    # Ticked on a page that did not show it.
    press(approver, request_, "approve", {**form, "seen": opened_before["seen"]})
    assert status(request_) == "waiting"
    assert cancelled(sandbox, payment) == 0

    press(approver, request_, "approve", form)
    press(approver, known_before, "approve")
    assert (status(request_), status(known_before)) == ("approved", "approved")
    assert (cancelled(sandbox, payment), cancelled(sandbox, other)) == (90_000, 90_000)


def test_rejection_needs_a_note_and_is_shown_to_the_requester(
    request_: RefundApproval, approver: Client, requester: Client, payment: Payment, sandbox: SandboxServer
) -> None:
    press(approver, request_, "reject", note="  ")
    assert status(request_) == "waiting"
    press(approver, request_, "reject", note="No photo")
    assert status(request_) == "rejected"
    assert "No photo" in requester.get(path(request_)).text
    assert cancelled(sandbox, payment) == 0
    assert ask(requester, payment).number != request_.number  # it can be requested anew


def test_note_stays_typed_when_nothing_was_decided(request_: RefundApproval, approver: Client) -> None:
    answer = press(approver, request_, "approve", {"seen": "another", "note": "Looks <good>"})
    assert "Looks &lt;good&gt;" in answer.text
    assert status(request_) == "waiting"
    assert "Looks" not in approver.get(path(request_)).text


def test_requester_withdraws_and_refunds_another_amount(
    request_: RefundApproval, requester: Client, approver: Client, payment: Payment, sandbox: SandboxServer
) -> None:
    page = requester.get(f"/admin/payments/payment/{payment.pk}/change/").text
    assert path(request_) in page
    assert 'name="note"' not in requester.get(path(request_)).text  # a withdrawal keeps none
    press(requester, request_, "withdraw")
    assert status(request_) == "withdrawn"
    late = press(approver, request_, "approve", {"seen": "", "note": ""})
    assert "withdr" in late.text
    fill(requester, confirmation(requester, payment), {payment: {"amount": "10000"}})
    assert cancelled(sandbox, payment) == 10_000


def test_request_whose_time_is_over_cannot_be_approved_before_the_sweep(
    request_: RefundApproval, approver: Client, payment: Payment, sandbox: SandboxServer, settings: Settings
) -> None:
    form = form_of(approver, request_)
    settings.REFUND_APPROVAL_EXPIRES_DAYS = 1
    shown = travelled(approver, request_, form)
    assert "Expired" in shown
    assert cancelled(sandbox, payment) == 0
    assert status(request_) != "approved"


def travelled(approver: Client, approval: RefundApproval, form: dict[str, Any]) -> str:
    """Press Approve eight days later, and return the page."""
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        sign_in(approver, User.objects.get(username="lee"))
        return str(press(approver, approval, "approve", form).text)


def test_account_is_shown_to_those_who_may_and_that_is_logged(
    requester: Client, approver: Client, sandbox: SandboxServer
) -> None:
    payment = paid_at_sandbox(sandbox, amount=90_000, pay_method="vbank", pg_provider="html5_inicis")
    approval = ask(requester, payment, **ACCOUNT)
    masked = approver.get(path(approval)).text
    assert ACCOUNT_DIGITS[-4:] in masked
    assert "홍길동" in masked
    assert approver.post(f"{path(approval)}account/").status_code == 403
    auditor = staff("choi", "approve_refund", "view_account")
    for page in (masked, auditor.get(path(approval)).text):
        assert ACCOUNT["refund_account"] not in page
        assert ACCOUNT_DIGITS not in page
    answer = auditor.post(f"{path(approval)}account/")
    assert ACCOUNT["refund_account"] in answer.text
    assert "no-store" in answer["Cache-Control"]
    assert LogEntry.objects.get(user__username="choi").object_id == str(approval.pk)
    assert "Account viewed" in auditor.get(path(approval)).text
    press(auditor, approval, "reject", note=f"Not {ACCOUNT['refund_account']}")
    assert (status(approval), approval.note) == ("rejected", f"Not ••••{ACCOUNT_DIGITS[-4:]}")


def test_list_has_the_oldest_waiting_request_first(
    request_: RefundApproval, requester: Client, approver: Client, sandbox: SandboxServer
) -> None:
    later = ask(requester, paid_at_sandbox(sandbox, amount=70_000))
    numbers = r"(A[0-9A-Z]{10})</span>"
    assert re.findall(numbers, approver.get(f"{LIST}?status=waiting").text) == [request_.number, later.number]
    press(approver, request_, "reject", note="no")
    assert re.findall(numbers, approver.get(f"{LIST}?status=decided").text) == [request_.number]
    assert re.findall(numbers, approver.get(LIST).text) == [later.number, request_.number]
    home: Any = approver.get("/admin/")
    (card,) = [card for card in home.context["cards"] if card.code == "to_approve"]
    assert (card.figure, card.url) == ("1", f"{LIST}?status=waiting")
    assert not [card for card in requester.get("/admin/").context["cards"] if card.code == "to_approve"]


@pytest.mark.usefixtures("eager_worker")
def test_bulk_refund_waits_as_a_whole_and_runs_once_approved(
    requester: Client, approver: Client, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.BULK_APPROVAL_ABOVE = Decimal(60_000)
    payments = [paid_at_sandbox(sandbox, amount=amount) for amount in (30_000, 40_000)]
    page = confirmation(requester, *payments)
    assert "Request approval of ₩70,000 for 2 orders" in page.text
    answer = fill(requester, page, {payment: {} for payment in payments}, reason="Concert cancelled")
    first = RefundApproval.objects.get()
    batch = first.batch
    assert batch is not None
    waiting = requester.get(answer["Location"]).text
    for shown in (waiting, requester.get("/admin/refunds/refundbatch/").text):
        assert "Waiting for approval" in shown
    assert path(first) in waiting
    assert "start-button" not in waiting
    requester.post(f"/admin/refunds/refundbatch/{batch.token}/leave-out/", {"warning": "slow"})
    press(approver, first, "reject", note="Which concert?")
    again = requester.get(answer["Location"]).text
    assert "Which concert?" in again
    assert "Request approval of ₩70,000 for 2 orders" in again

    requester.post(f"/admin/refunds/refundbatch/{batch.token}/start/", {"total_KRW": "70000", "reason": batch.reason})
    second = RefundApproval.objects.get(status="waiting")
    shown = approver.get(path(second)).text
    for text in ("₩70,000", "2", "Concert cancelled", f"/admin/refunds/refundbatch/{batch.token}/"):
        assert text in shown
    press(requester, second, "approve")
    assert [cancelled(sandbox, payment) for payment in payments] == [0, 0]
    form = form_of(approver, second)
    for _tab in range(2):
        press(approver, second, "approve", form)
    assert [cancelled(sandbox, payment) for payment in payments] == [30_000, 40_000]
    assert set(RefundRecord.objects.values_list("approval__number", flat=True)) == {second.number}


def test_warnings_that_the_requester_of_a_bulk_refund_accepted_are_not_new(
    requester: Client, approver: Client, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.BULK_APPROVAL_ABOVE = Decimal(60_000)
    payments = [paid_at_sandbox(sandbox, amount=amount, pg_provider="welcome") for amount in (40_000, 50_000)]
    part = {payment: {"amount": "35000"} for payment in payments}
    fill(requester, confirmation(requester, *payments), part, reason="Concert cancelled", read=True)
    shown = approver.get(path(RefundApproval.objects.get())).text
    assert 'data-when="both"' in shown
    assert 'data-when="now"' not in shown


def test_an_approved_refund_that_fails_is_no_success(
    request_: RefundApproval, approver: Client, payment: Payment, sandbox: SandboxServer
) -> None:
    sandbox.console_cancel(payment.imp_uid, 1_000)
    answer = press(approver, request_, "approve")
    assert cancelled(sandbox, payment) == 1_000
    assert "Approved. Refund failed" in answer.text
