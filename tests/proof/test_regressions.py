"""Sequences that once gave a wrong result, each in its shortest form."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from refunds.models import RefundRecord, RefundSource, RefundStatus
from tests.entry_points import Request, by_service, run_command
from tests.factories import ACCOUNT, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

SMARTRO_VBANK = {"pay_method": "vbank", "pg_provider": "smartro_v2"}  # executes refunds later
NAVERPAY = {"pay_method": "naverpay", "pg_provider": "naverpay"}  # its reason carries no refund number


def test_refused_but_executed_cancel_without_a_number_succeeds(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, **NAVERPAY)
    sandbox.fault("cancel", "refuse_after", times=1)
    outcome = by_service(Request(payment=payment, user=make_staff("refund_payment"), amount=1_000))
    assert outcome.code == ""
    assert RefundRecord.objects.get().status == RefundStatus.SUCCEEDED


def test_missed_cancel_with_another_reason_is_not_matched_to_the_refused_one(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, **NAVERPAY)
    sandbox.console_cancel(payment.imp_uid, 1_000, "in the console")
    outcome = by_service(Request(payment=payment, user=make_staff("refund_payment"), amount=1_000))
    assert outcome.code == "refused_by_gateway"
    assert RefundRecord.objects.get(source=RefundSource.CONSOLE).cancelled_amount == 1_000


def test_accepted_cancel_with_a_lost_response_stays_open_until_the_pg_settles(
    sandbox: SandboxServer, settings: Settings
) -> None:
    settings.IAMPORT_CONTRACTS = frozenset({"vbank_refund"})
    payment = paid_at_sandbox(sandbox, **SMARTRO_VBANK)
    sandbox.fault("cancel", "drop_after", times=1)
    account = {**ACCOUNT, "refund_tel": "01012345678"}
    outcome = by_service(Request(payment=payment, user=make_staff("refund_payment"), amount=1_000, account=account))
    assert outcome.code == "outcome_unknown"
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=True):
        assert run_command("reconcile", payment.imp_uid)[1]["results"][0]["code"] == "waiting"
        sandbox.settle(payment.imp_uid)
        assert run_command("reconcile", payment.imp_uid)[1]["results"][0]["code"] == "settled"
