"""A refund keeps the reason that was chosen of the shop's list, as it was then; the list may change at any time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override
from pytest_django import Settings

from payments.models import Payment
from refunds.batches.check import check_batch
from refunds.batches.errors import BatchReasonRequired
from refunds.batches.preview import totals_of
from refunds.batches.run import run
from refunds.batches.start import start_batch
from refunds.errors import PolicyViolated
from refunds.inputs import Actor, RefundRequest
from refunds.models import FrozenReason, RefundReason, RefundRecord, RefundSource
from refunds.services.reasons import with_reason
from refunds.services.refund import request_refund
from tests.admin_pages import sign_in
from tests.factories import make_payment, make_reason, make_staff, make_started_batch, make_user, paid_at_sandbox
from tests.fakes import InstantGateway
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

FROZEN = FrozenReason("change_of_mind", "단순 변심", "Change of mind", "buyer")


def refund(payment: Payment, actor: Actor | None = None, **fields: Any) -> RefundRecord:
    return request_refund(
        payment=payment,
        request=RefundRequest(**fields),
        actor=actor or Actor("operator"),
        source=RefundSource.COMMAND,
        gateway=InstantGateway(payment),
    )


def codes_of(payment: Payment, actor: Actor | None = None, **fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(PolicyViolated) as caught:
        refund(payment, actor, **fields)
    assert not RefundRecord.objects.exists()
    return [(violation.code, violation.field) for violation in caught.value.violations]


def test_ten_usual_reasons_are_there_in_both_languages_and_for_every_fault() -> None:
    reasons = RefundReason.objects.all()
    assert reasons.count() == 10
    assert set(reasons.values_list("fault", flat=True)) == {"buyer", "shop", "carrier", "pg", ""}
    assert [reason.code for reason in reasons if reason.needs_note] == ["other"]


def test_later_changes_of_the_list_do_not_reach_a_refund() -> None:
    reason = make_reason()
    record = refund(make_payment(), reason_code="change_of_mind", reason="색상")
    reason.name_ko, reason.fault = "변심", "shop"
    reason.save()
    reason.delete()

    record.refresh_from_db()

    assert (record.frozen_reason, record.reason) == (FROZEN, "색상")
    with override("ko"):
        assert record.reason_name == "단순 변심"


def test_a_code_that_is_not_in_use_is_refused_with_those_that_are() -> None:
    RefundReason.objects.all().delete()
    assert codes_of(make_payment(), reason_code="late") == [("invalid_reason_code", "reason_code")]
    make_reason("late", is_active=False)
    make_reason("lost")
    with pytest.raises(PolicyViolated, match=r"“late” is not a reason in use\. Use one of: lost\."):
        refund(make_payment(), reason_code="late")


def test_a_reason_that_needs_an_explanation_is_refused_without_one() -> None:
    make_reason("other", needs_note=True)
    assert codes_of(make_payment(), reason_code="other", reason=" ") == [("reason_note_required", "reason")]


def test_the_setting_requires_a_reason_of_everybody_but_buyers_who_refund_their_own(settings: Settings) -> None:
    settings.REFUND_REASON_REQUIRED = True
    make_reason()
    staff, buyer = make_staff("refund_payment"), make_user()
    required = [("reason_code_required", "reason_code")]
    assert codes_of(make_payment(), reason="size") == required
    assert codes_of(make_payment(), Actor("staff", staff), reason="size") == required

    assert refund(make_payment(user=buyer), Actor("buyer", buyer)).reason_code == ""
    assert refund(make_payment(user=staff), Actor("staff", staff)).reason_code == ""
    assert refund(make_payment(), Actor("staff", staff), reason_code="change_of_mind").frozen_reason == FROZEN


def test_a_reason_frozen_earlier_is_taken_though_it_was_deleted(settings: Settings) -> None:
    settings.REFUND_REASON_REQUIRED = True
    request = with_reason(RefundRequest(), FROZEN)
    RefundReason.objects.all().delete()
    payment = make_payment()

    record = request_refund(
        payment=payment,
        request=request,
        actor=Actor("operator"),
        source=RefundSource.COMMAND,
        gateway=InstantGateway(payment),
    )

    assert record.frozen_reason == FROZEN


@pytest.mark.parametrize(("text", "sent"), [("", "단순 변심"), ("size", "size")])
def test_iamport_gets_the_text_or_the_korean_name(sandbox: SandboxServer, text: str, sent: str) -> None:
    make_reason()
    payment = paid_at_sandbox(sandbox)
    record = request_refund(
        payment=payment,
        request=RefundRequest(reason_code="change_of_mind", reason=text),
        actor=Actor("operator"),
        source=RefundSource.COMMAND,
    )
    (cancel,) = sandbox.payment(payment.imp_uid)["cancel_history"]
    assert cancel["reason"] == f"{record.number} {sent}"
    assert record.reason == text


def test_a_key_repeats_with_its_reason_and_conflicts_with_another(client: Client) -> None:
    make_reason()
    buyer = make_user()
    payment = make_payment(user=buyer)
    sign_in(client, buyer)

    def ask(**body: str) -> int:
        text = json.dumps({"imp_uid": payment.imp_uid, "cancel_request_amount": 100, **body})
        headers = {"Idempotency-Key": "k"}
        return client.post("/payments/cancel", text, content_type="application/json", headers=headers).status_code

    first = ask(reason_code="change_of_mind")
    RefundReason.objects.all().delete()

    assert ask(reason_code="change_of_mind") == first
    assert ask(reason_code="defective") == ask() == 409
    assert RefundRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_bulk_refund_keeps_the_reasons_of_its_check(sandbox: SandboxServer) -> None:
    make_reason()
    make_reason("defective", name_ko="상품 불량", name_en="Defective item", fault="shop")
    staff = make_staff("refund_payment")
    shared, own, wrong = (paid_at_sandbox(sandbox) for _ in range(3))
    orders = [
        (shared, RefundRequest()),
        (own, RefundRequest(reason_code="상품 불량")),
        (wrong, RefundRequest(reason_code="defect")),
    ]
    batch = make_started_batch(staff, orders, reason_code="change_of_mind")
    RefundReason.objects.all().delete()

    run(batch_id=batch.pk)

    assert shared.refunds.get().frozen_reason == FROZEN
    assert own.refunds.get().frozen_reason == FrozenReason("defective", "상품 불량", "Defective item", "shop")
    problem = batch.items.get(payment=wrong)
    assert (problem.error_code, problem.error_field, problem.error_value) == (
        "invalid_reason_code",
        "reason_code",
        "defect",
    )


@pytest.mark.django_db(transaction=True)
def test_a_bulk_refund_without_a_required_reason_does_not_start(settings: Settings) -> None:
    settings.REFUND_REASON_REQUIRED = True
    make_reason()
    staff = make_staff("refund_payment")
    batch = make_started_batch(staff, [(make_payment(), RefundRequest())], start=False)
    actor = Actor("staff", staff)
    with pytest.raises(BatchReasonRequired):
        start_batch(batch=batch, actor=actor, totals=totals_of(batch), accepted=())
    check_batch(batch=batch, actor=actor, reason_code="change_of_mind")
    start_batch(batch=batch, actor=actor, totals=totals_of(batch), accepted=())
