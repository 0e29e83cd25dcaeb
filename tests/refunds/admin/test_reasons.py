"""A shop keeps its list of reasons in the admin, and staff choose from it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from refunds.models import RefundBatch, RefundReason
from tests.admin_pages import codes, confirmation, fill, sign_in
from tests.factories import make_payment, make_reason, make_refund, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("eager_worker")]

REASONS = "/admin/refunds/refundreason/"
OFFERED = re.compile(r'<option value="(\w*)"[^>]*>([^<]*)<')


@pytest.fixture
def staff(client: Client) -> Client:
    RefundReason.objects.all().delete()
    return sign_in(client, make_staff("refund_payment", "view_payment", "view_refundrecord", "view_refundreason"))


def test_managers_add_change_and_delete_reasons_but_never_change_a_code(client: Client) -> None:
    RefundReason.objects.all().delete()
    names = ("view_refundreason", "add_refundreason", "change_refundreason", "delete_refundreason")
    sign_in(client, make_staff(*names))
    typed = {"name_ko": "행사 취소", "name_en": "Event cancelled", "fault": "shop", "position": "5", "is_active": "on"}

    wrong = client.post(f"{REASONS}add/", {"code": "Event 1", **typed})
    client.post(f"{REASONS}add/", {"code": "event_cancelled", **typed})
    reason = RefundReason.objects.get()
    client.post(f"{REASONS}{reason.pk}/change/", {"code": "other", **typed, "is_active": "", "needs_note": "on"})
    reason.refresh_from_db()
    shown = client.get(REASONS).text

    assert "small letters a to z" in wrong.text
    assert (reason.code, reason.is_active, reason.needs_note) == ("event_cancelled", False, True)
    for words in ("Event cancelled", "행사 취소", "Shop", "Not in use"):
        assert words in shown
    client.post(f"{REASONS}{reason.pk}/delete/", {"post": "yes"})
    assert not RefundReason.objects.exists()


def test_those_who_refund_see_the_list_and_cannot_change_it(staff: Client) -> None:
    reason = make_reason()
    assert "Change of mind" in staff.get(REASONS).text
    assert staff.get(f"{REASONS}add/").status_code == 403
    assert staff.post(f"{REASONS}{reason.pk}/change/", {"name_en": "x"}).status_code == 403
    assert staff.post(f"{REASONS}{reason.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_confirmation_page_offers_the_reasons_in_the_readers_language(staff: Client) -> None:
    make_reason()
    make_reason("old", is_active=False)
    payment = make_payment()
    english = OFFERED.findall(confirmation(staff, payment).text)
    staff.cookies["django_language"] = "ko"
    korean = OFFERED.findall(confirmation(staff, payment).text)
    assert ("change_of_mind", "Change of mind") in english
    assert ("change_of_mind", "단순 변심") in korean
    assert "old" not in dict(english)
    RefundReason.objects.all().delete()
    assert 'name="reason_code"' not in confirmation(staff, payment).text  # nothing to choose


def test_a_required_reason_is_asked_for_beside_its_input(
    staff: Client, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.REFUND_REASON_REQUIRED = True
    make_reason()
    payment = paid_at_sandbox(sandbox)

    page = fill(staff, confirmation(staff, payment), {payment: {}}, reason="size")
    assert "reason_code_required" in codes(page.content.decode())
    fill(staff, confirmation(staff, payment), {payment: {}}, reason="size", reason_code="change_of_mind")

    record = payment.refunds.get()
    assert (record.reason_code, record.reason) == ("change_of_mind", "size")
    shown = staff.get(f"/admin/refunds/refundrecord/{record.pk}/change/").text
    for words in ("Change of mind", "Fault: Buyer", "size"):
        assert words in shown


def test_a_bulk_refund_takes_its_reason_before_the_start(
    staff: Client, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.REFUND_REASON_REQUIRED = True
    make_reason("other", name_en="Other", needs_note=True)
    payment = paid_at_sandbox(sandbox)
    staff.post("/admin/refunds/refundbatch/new/", {"token": TOKEN, "text": f"order\n{payment.merchant_uid}"})
    url = f"/admin/refunds/refundbatch/{RefundBatch.objects.get().token}/start/"

    def press(**typed: str) -> Any:
        return staff.post(url, {"total_KRW": "10000", **typed}, follow=True)

    assert "reason_code_required" in codes(press(reason_code="").text)
    assert "reason_note_required" in codes(press(reason_code="other").text)
    press(reason_code="other", reason="Recall")

    record = payment.refunds.get()
    assert (record.reason_code, record.reason) == ("other", "Recall")


def test_a_reason_that_was_deleted_is_shown_and_exported_as_it_was(staff: Client) -> None:
    reason = make_reason()
    record = make_refund(
        reason_code=reason.code, reason_name_ko="단순 변심", reason_name_en="Change of mind", fault="buyer"
    )
    reason.delete()

    export = staff.post("/admin/refunds/refundrecord/export/", {"format": "csv"})
    text = b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]

    assert "change_of_mind,Change of mind,Buyer" in text
    assert "Change of mind" in staff.get(f"/admin/payments/payment/{record.payment_id}/change/").text


TOKEN = "5f1f9a43-0b1e-4c53-9a43-2f6f7f1f4a77"
