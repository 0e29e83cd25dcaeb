"""What a refused refund tells: its class and next step, on every page and in the API. Never whether money moved."""

from __future__ import annotations

import json
from html import unescape
from typing import Any, get_args

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.translation import override

from payments.gateway import NextStep
from payments.gateway import RefusalClass as GatewayClass
from refunds.admin.export_columns import refund_table
from refunds.messages import NEXT_STEPS, next_step_of
from refunds.models import RefundRecord, RefusalClass
from tests.admin_pages import sign_in
from tests.factories import make_payment, make_refund, make_staff, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

SHORT = "결제취소에 실패하였습니다. [500906|취소한도초과]"


def cancel(user: User, payment: Any) -> tuple[int, dict[str, Any]]:
    client = Client()
    client.force_login(user)
    body = json.dumps({"imp_uid": payment.imp_uid})
    answer = client.post("/payments/cancel", body, content_type="application/json", headers={"Accept-Language": "en"})
    return answer.status_code, answer.json()


def refused(sandbox: SandboxServer, said: str, pg_provider: str = "html5_inicis") -> tuple[int, dict[str, Any]]:
    user = make_user()
    payment = paid_at_sandbox(sandbox, user=user, pg_provider=pg_provider)
    sandbox.fault("cancel", "refuse", message=said, times=1)
    return cancel(user, payment)


def test_a_refusal_is_answered_with_its_class_and_next_step(sandbox: SandboxServer) -> None:
    status, body = refused(sandbox, SHORT)

    assert (status, body["code"], body["retryable"]) == (422, "refused_by_gateway", False)
    assert body["message"] == SHORT
    step = str(NEXT_STEPS["pay_in"])
    assert body["refusal"] == body["refund"]["refusal"] == {"class": "settlement_short", "next_step": step}
    record = RefundRecord.objects.get()
    assert (record.refusal_class, record.refusal_step) == ("settlement_short", "pay_in")


@pytest.mark.parametrize("said", ["알 수 없는 오류", "[8178|상계가능한 정산예정금액이 부족]"])
def test_a_text_that_its_pg_does_not_use_is_answered_as_other(sandbox: SandboxServer, said: str) -> None:
    _status, body = refused(sandbox, said)
    assert body["refusal"]["class"] == "other"


def test_a_payment_that_iamport_does_not_know_is_classified_too(sandbox: SandboxServer) -> None:
    user = make_user()
    payment = make_payment(user=user)

    status, body = cancel(user, payment)

    assert status == 422
    assert body["refusal"] == {"class": "other", "next_step": str(NEXT_STEPS["check_number"])}


def test_already_cancelled_decides_nothing_if_the_reading_shows_the_money(sandbox: SandboxServer) -> None:
    user = make_user()
    payment = paid_at_sandbox(sandbox, user=user, pg_provider="nice_v2")
    sandbox.fault("cancel", "refuse_after", message="해당거래 취소실패(기취소성공) : 전화 문의(1661-0808)", times=1)

    status, body = cancel(user, payment)

    assert (status, body["refund"]["status"], body["refund"]["refusal"]) == (200, "succeeded", None)
    assert RefundRecord.objects.get().refusal_class == ""


@pytest.mark.parametrize(
    ("said", "again"), [("기 취소 거래", False), ("취소처리 중입니다", False), ("취소한도초과", True)]
)
def test_a_cancel_found_beside_a_refusal_suggests_another_try_only_if_no_money_can_still_move(
    sandbox: SandboxServer, said: str, again: bool
) -> None:
    user = make_user()
    payment = paid_at_sandbox(sandbox, user=user, pg_provider="html5_inicis")
    sandbox.console_cancel(payment.imp_uid, 1_000, "관리자페이지취소")
    sandbox.fault("cancel", "refuse", message=said, times=1)

    _status, body = cancel(user, payment)

    assert "₩1,000 had already been refunded" in body["message"]
    assert ("try again" in body["message"]) is again


@pytest.mark.parametrize("answer", ["http_500", "drop_after"])
def test_no_answer_has_no_class(sandbox: SandboxServer, answer: str) -> None:
    user = make_user()
    payment = paid_at_sandbox(sandbox, user=user)
    sandbox.fault("cancel", answer, times=1)

    status, body = cancel(user, payment)

    assert (status, body["code"]) == (504, "outcome_unknown")
    assert "refusal" not in body
    assert RefundRecord.objects.get().refusal_class == ""


def test_classes_and_steps_of_the_gateway_all_have_words() -> None:
    assert set(RefusalClass.values) == set(get_args(GatewayClass))
    assert set(NEXT_STEPS) == set(get_args(NextStep))


@pytest.mark.parametrize("step", ["compare", "wait", "ask_pg"])
@pytest.mark.parametrize(("language", "again"), [("en", "again."), ("ko", "다시 ")])
def test_no_words_invite_another_try_where_money_may_have_moved(step: str, language: str, again: str) -> None:
    with override(language):
        words = next_step_of(make_refund(status="failed", refusal_class="already_running", refusal_step=step))
    assert words
    assert again not in words


@pytest.mark.parametrize("language", ["en", "ko"])
def test_staff_see_the_next_step_beside_the_text_and_filter_by_class(client: Client, language: str) -> None:
    fields = {"status": "failed", "error_code": "refused_by_gateway"}
    short = make_refund(**fields, message=SHORT, refusal_class="settlement_short", refusal_step="pay_in")
    other = make_refund(**fields, message="알 수 없는 오류", refusal_class="other", refusal_step="read_message")
    sign_in(client, make_staff("view_refundrecord", "view_payment"))
    client.cookies["django_language"] = language
    with override(language):
        step = str(NEXT_STEPS["pay_in"])

    for page in (f"refunds/refundrecord/{short.pk}/change/", f"payments/payment/{short.payment_id}/change/"):
        text = unescape(client.get(f"/admin/{page}").content.decode())
        assert SHORT in text
        assert step in text
    listed = client.get("/admin/refunds/refundrecord/", {"refusal": "settlement_short"}).content.decode()
    assert short.number in listed
    assert other.number not in listed


def test_the_export_has_a_column_for_the_class() -> None:
    make_refund(status="failed", refusal_class="period_over", refusal_step="outside")
    with override("en"):
        heading, row = refund_table(RefundRecord.objects.all(), with_personal=False).rows
    assert dict(zip(heading, row, strict=True))["Refusal"] == "Too late to cancel"
