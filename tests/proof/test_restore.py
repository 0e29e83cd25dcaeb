"""Restore an old backup, which lacks the refunds made since; i'mport has them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import Payment
from refunds.models import RefundRecord
from refunds.models.refund_numbers import new_refund_number
from tests.entry_points import Request, by_service, run_command
from tests.factories import make_staff, paid_at_sandbox
from tests.proof.test_kill import all_agree
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)


def refund_that_the_backup_does_not_know(sandbox: SandboxServer, imp_uid: str, amount: int) -> None:
    """Cancel as this desk does: with a checksum, and with its refund number in the reason."""
    body = {"imp_uid": imp_uid, "amount": amount, "reason": f"size ({new_refund_number()})"}
    assert sandbox.api("POST", "payments/cancel", json=body).json()["code"] == 0


def test_after_a_restore_nothing_is_refunded_twice_and_missed_refunds_are_booked(
    sandbox: SandboxServer,
) -> None:
    known = paid_at_sandbox(sandbox)
    asker = make_staff("refund_payment")
    assert by_service(Request(payment=known, user=asker, amount=1_000)).code == ""
    refund_that_the_backup_does_not_know(sandbox, known.imp_uid, 2_000)
    unknown = sandbox.create_payment(pg_provider="uplus", merchant_uid="paid-after-the-backup")["imp_uid"]
    refund_that_the_backup_does_not_know(sandbox, unknown, 500)

    # With the backup's balance i'mport refuses the cancel, and the missing one is booked.
    assert by_service(Request(payment=known, user=asker)).code == "refused_by_gateway"
    assert sandbox.payment(known.imp_uid)["cancel_amount"] == 3_000

    run_command("reconcile", "--all", "--since", str((timezone.now() - timedelta(days=1)).date()))

    assert Payment.objects.get(imp_uid=unknown).cancel_amount == 500
    assert RefundRecord.objects.filter(source="console").count() == 2
    assert all_agree(sandbox)
