"""PGs that accept a refund first, and execute or refuse it later: no time that has passed ends such a refund."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Payment
from refunds.errors import PolicyViolated, RefundInProgress, RefundOutcomeUnknown
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.reconciliation.reconcile import reconcile
from refunds.services.preview import preview_refund
from refunds.services.refund import request_refund
from tests.factories import ACCOUNT, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

STAFF = Actor("staff")
LATER = [
    {"pg_provider": "paypal_v2", "pay_method": "paypal"},
    {"pg_provider": "paymentwall", "pay_method": "card"},
    {"pg_provider": "kicc", "pay_method": "wechat"},
    {"pg_provider": "smartro_v2", "pay_method": "vbank"},
]
WITH_ACCOUNT = RefundRequest(**ACCOUNT, refund_tel="010-1234-5678")


def refund(payment: Payment) -> RefundRecord:
    return request_refund(payment=payment, request=WITH_ACCOUNT, actor=STAFF, source=RefundSource.ADMIN)


def reconcile_after(payment: Payment, **ago: int) -> tuple[str, RefundRecord]:
    """Reconcile this payment whose refund was requested so long ago; return the outcome, and its refund."""
    payment.refunds.update(requested_at=timezone.now() - timedelta(**ago))
    (result,) = reconcile(payments=Payment.objects.filter(pk=payment.pk))
    return result.outcome, payment.refunds.get()


@pytest.mark.parametrize("fields", LATER, ids=str)
def test_an_accepted_refund_waits_until_iamport_shows_it(sandbox: SandboxServer, fields: dict[str, Any]) -> None:
    payment = paid_at_sandbox(sandbox, **fields)
    warned = {warning.code for warning in preview_refund(payment=payment, request=WITH_ACCOUNT).warnings}
    assert "settles_later" in warned

    assert refund(payment).status == RefundStatus.PENDING
    outcome, record = reconcile_after(payment, days=20)
    assert (outcome, record.status) == ("waiting", RefundStatus.PENDING)
    with pytest.raises(RefundInProgress):
        refund(payment)

    sandbox.settle(payment.imp_uid)
    outcome, record = reconcile_after(payment, days=20)
    assert (outcome, record.status, record.cancelled_amount) == ("settled", RefundStatus.SUCCEEDED, 10_000)


@pytest.mark.parametrize("fields", LATER, ids=str)
def test_a_lost_answer_is_no_refusal_however_late_it_is(sandbox: SandboxServer, fields: dict[str, Any]) -> None:
    payment = paid_at_sandbox(sandbox, **fields)
    sandbox.fault("cancel", "drop_after", times=1)
    with pytest.raises(RefundOutcomeUnknown):
        refund(payment)

    outcome, record = reconcile_after(payment, days=20)

    assert (outcome, record.status) == ("waiting", RefundStatus.UNKNOWN)
    sandbox.settle(payment.imp_uid)
    assert reconcile_after(payment, days=20)[0] == "settled"


def test_another_method_of_the_same_pg_is_not_waited_for(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pg_provider="kicc", pay_method="card")
    sandbox.fault("cancel", "drop_before", times=1)
    with pytest.raises(RefundOutcomeUnknown):
        refund(payment)
    assert reconcile_after(payment, days=20)[0] == "not_carried_out"


def test_a_naver_order_is_never_sent(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pg_provider="naverco", pay_method="naverpay")
    with pytest.raises(PolicyViolated) as refused:
        refund(payment)
    assert refused.value.code == "naver_order"
    assert "cancel" not in sandbox.stats()
