"""Permissions of the admin's refund pages, enforced by each view."""

import uuid

import pytest
from django.test import Client

from payments.models import Payment
from refunds.models import RefundBatch
from tests.admin_pages import sign_in
from tests.factories import make_payment, make_staff, make_user

pytestmark = pytest.mark.django_db

CONFIRM = "/admin/payments/payment/refund/"
CHECK = "/admin/payments/payment/check/"


@pytest.fixture
def payment() -> Payment:
    return make_payment()


@pytest.fixture
def viewer(client: Client) -> Client:
    return sign_in(client, make_staff("view_payment", "view_refundrecord"))


def test_a_viewer_cannot_open_the_confirmation_page(viewer: Client, payment: Payment) -> None:
    assert viewer.get(CONFIRM, {"ids": payment.pk}).status_code == 403


def test_a_viewers_crafted_post_refunds_nothing(viewer: Client, payment: Payment) -> None:
    data = {
        "token": str(uuid.uuid4()),
        "do": "refund",
        f"p{payment.pk}-selected": "on",
        f"p{payment.pk}-expected_balance": "10000",
    }
    assert viewer.post(f"{CONFIRM}?ids={payment.pk}", data).status_code == 403
    assert viewer.post(CHECK, {"ids": payment.pk}).status_code == 403
    assert not RefundBatch.objects.exists()


def test_a_viewer_is_offered_no_refund(viewer: Client, payment: Payment) -> None:
    listed = viewer.get("/admin/payments/payment/").text
    detail = viewer.get(f"/admin/payments/payment/{payment.pk}/change/").text

    assert payment.merchant_uid in listed
    for page in (listed, detail):
        assert "Refund…" not in page
        assert "Check with" not in page


def test_a_viewers_crafted_action_is_ignored(viewer: Client, payment: Payment) -> None:
    answer = viewer.post("/admin/payments/payment/", {"action": "refund_orders", "_selected_action": payment.pk})
    assert CONFIRM not in answer.get("Location", "")


def test_staff_without_permissions_see_nothing(client: Client, payment: Payment) -> None:
    sign_in(client, make_staff())
    batch = RefundBatch.objects.create(token=uuid.uuid4(), requested_by=make_user())

    for path in ("payments/payment/", "refunds/refundrecord/", f"refunds/refundbatch/{batch.token}/"):
        assert client.get(f"/admin/{path}").status_code == 403


def test_refund_permission_alone_is_sufficient(client: Client, payment: Payment) -> None:
    sign_in(client, make_staff("refund_payment"))
    assert payment.merchant_uid in client.get("/admin/payments/payment/").text
    assert client.get(CONFIRM, {"ids": payment.pk}, follow=True).status_code == 200
    assert client.get("/admin/refunds/refundrecord/").status_code == 200


def test_check_with_imort_redirects_to_this_site_only(client: Client) -> None:
    sign_in(client, make_staff("refund_payment"))
    answer = client.post(CHECK, {"ids": "", "next": "https://evil.example/"})
    assert answer["Location"] == "/admin/payments/payment/"
