"""`manage.py demo`, with a real sandbox."""

from decimal import Decimal
from io import StringIO
from itertools import groupby

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from payments.models import Payment
from refunds.demo.orders import ORDERS, last_month, this_month
from refunds.demo.people import ACCOUNTS
from refunds.inputs import Actor, RefundRequest
from refunds.models import ReconciliationReport, RefundApproval, RefundRecord, RefundSource
from refunds.permissions import may_approve, may_refund_any
from refunds.services.refund import request_refund
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def development(settings) -> None:
    settings.DEBUG = True


def run_demo() -> str:
    out = StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def payment_of(number: int) -> Payment:
    return Payment.objects.get(imp_uid=f"imp_77{number:010d}")


@pytest.mark.usefixtures("development")
def test_demo_creates_orders_in_the_sandbox_and_in_the_ledger(sandbox: SandboxServer) -> None:
    out = run_demo()
    assert Payment.objects.count() == len(ORDERS)
    assert Payment.objects.filter(user__username="buyer").count() == 14
    assert sandbox.payment("imp_770000001001")["name"] == payment_of(1001).name
    for account in ACCOUNTS:
        assert f"{account.username} / {account.password}" in out


@pytest.mark.usefixtures("development", "sandbox")
def test_demo_has_orders_of_every_kind() -> None:
    run_demo()
    assert payment_of(1001).refundable_amount == 10_000
    assert payment_of(1002).is_partially_refunded
    assert payment_of(1010).is_fully_refunded
    assert payment_of(1009).status == "ready"
    assert payment_of(1011).status == "failed"
    assert payment_of(1011).merchant_uid == payment_of(1012).merchant_uid
    assert (payment_of(1013).currency, payment_of(1013).amount) == ("USD", Decimal("42.00"))
    assert payment_of(2004).escrow
    assert payment_of(1006).paid_at < payment_of(1005).paid_at
    made = {refund.payment: refund.status for refund in RefundRecord.objects.filter(source="admin")}
    states = [made[payment_of(number)] for number in (2023, 2024, 2025, 2026)]
    assert states == ["succeeded", "succeeded", "pending", "failed"]
    report = ReconciliationReport.objects.get()
    assert (report.found, report.repaired, report.waiting.count()) == (2, 0, 1)


@pytest.mark.usefixtures("development", "sandbox")
@pytest.mark.parametrize(("limit", "waiting"), [(500_000, ["maru-2027"]), (0, [])])
def test_a_refund_waits_for_the_second_account_where_there_is_a_limit(settings, limit: int, waiting: list[str]) -> None:
    settings.REFUND_APPROVAL_ABOVE = Decimal(limit)
    run_demo()
    run_demo()
    assert [approval.payment.merchant_uid for approval in RefundApproval.objects.waiting()] == waiting
    assert payment_of(2027).cancel_amount == 0


@pytest.mark.usefixtures("development", "sandbox")
def test_demo_accounts_have_the_permissions_of_their_names() -> None:
    run_demo()
    users = {user.username: user for user in User.objects.all()}
    assert may_refund_any(users["staff"])
    assert not users["staff"].is_superuser
    assert [may_approve(users[name]) for name in ("staff", "approver", "admin")] == [False, True, True]
    assert users["staff"].has_perm("payments.view_payment")
    assert users["admin"].is_superuser
    assert not users["buyer"].is_staff
    assert not may_refund_any(users["buyer"])
    assert [users[name].get_full_name() for name in ("buyer", "admin")] == ["김하늘", "박지민"]


@pytest.mark.usefixtures("development")
def test_a_cancel_made_in_the_console_is_missing_in_the_ledger(sandbox: SandboxServer) -> None:
    run_demo()
    run_demo()
    assert sandbox.payment("imp_770000001007")["cancel_amount"] == 4000
    assert payment_of(1007).cancel_amount == 0


@pytest.mark.usefixtures("development")
def test_second_demo_run_changes_nothing(sandbox: SandboxServer) -> None:
    run_demo()
    buyer = User.objects.get(username="buyer")
    buyer.set_password("my own")
    buyer.save()
    actor = Actor(name="buyer", user=buyer)
    request = RefundRequest(amount=Decimal(3000))
    request_refund(payment=payment_of(1001), request=request, actor=actor, source=RefundSource.API)
    before = list(RefundRecord.objects.order_by("pk").values()), list(Payment.objects.order_by("pk").values())

    out = run_demo()

    after = list(RefundRecord.objects.order_by("pk").values()), list(Payment.objects.order_by("pk").values())
    assert after == before
    assert sandbox.payment("imp_770000001001")["cancel_amount"] == 3000
    assert User.objects.count() == len(ACCOUNTS)
    assert User.objects.get(username="buyer").check_password("my own")
    assert "buyer-demo" not in out


@pytest.mark.usefixtures("development")
def test_demo_completes_what_an_interrupted_run_left_out(sandbox: SandboxServer) -> None:
    sandbox.create_payments([order.as_payment(timezone.now()) for order in ORDERS[:5]])
    call_command("sync_payments", ORDERS[0].imp_uid, stdout=StringIO())  # as the worker does meanwhile
    run_demo()
    assert Payment.objects.count() == len(ORDERS)
    assert payment_of(1001).user == User.objects.get(username="buyer")


@pytest.mark.usefixtures("sandbox")
def test_demo_refuses_to_run_in_production() -> None:
    with pytest.raises(CommandError, match="DEBUG") as refused:
        run_demo()
    assert refused.value.returncode == 2
    assert User.objects.count() == 0


@pytest.mark.usefixtures("development")
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://api.iamport.kr"])
def test_demo_reports_a_missing_sandbox_in_one_line(settings, url: str) -> None:
    settings.IAMPORT_API_URL = url
    with pytest.raises(CommandError) as refused:
        run_demo()
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    assert User.objects.count() == 0


@pytest.mark.parametrize("day", [1, 2, 31])
def test_phone_payments_are_in_the_right_month_on_every_day(day: int) -> None:
    now = timezone.localtime().replace(month=12, day=day, hour=0, minute=5)
    this, last = (timezone.localtime(moment(now)) for moment in (this_month, last_month))
    assert (this.month, last.month) == (12, 11)
    assert this <= now


def test_orders_have_their_own_numbers() -> None:
    numbers = sorted(order.imp_uid for order in ORDERS)
    assert [uid for uid, same in groupby(numbers) if len(list(same)) > 1] == []
