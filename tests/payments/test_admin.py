"""The payment list and page in the admin: fixed filters, and what staff may edit."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.admin.lists import BrowsingPaginator
from payments.models import Payment
from tests.factories import make_payment, make_staff, make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/payments/payment/"
SEOUL = ZoneInfo("Asia/Seoul")


def orders(client: Client, **query: str) -> set[str]:
    answer: Any = client.get(LIST, query)
    assert answer.status_code == 200
    return {payment.merchant_uid for payment in answer.context["cl"].result_list}


def test_list_counts_rows_up_to_a_maximum(admin_client: Client) -> None:
    make_payment()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        admin_client.get(LIST)
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and "payments_payment" in query["sql"]]
    assert counts
    assert all("LIMIT 1000" in sql for sql in counts)


def test_pages_continue_beyond_the_counted_rows() -> None:
    for _number in range(5):
        make_payment()
    paginator = BrowsingPaginator(Payment.objects.order_by("pk"), 2)
    assert paginator.page(3).object_list.count() == 1
    assert paginator.page(4).object_list.count() == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "paid"}, {"card", "part"}),
        ({"state": "ready"}, {"waiting"}),
        ({"state": "failed"}, {"failed"}),
        ({"state": "expired"}, {"expired"}),
        ({"method": "vbank"}, {"waiting", "expired"}),
        ({"pg": "html5_inicis"}, {"card", "part"}),
        ({"pg": "junk", "method": "", "state": "x" * 5_000}, {"card", "part", "waiting", "failed", "expired"}),
    ],
)
def test_filters_use_labels(admin_client: Client, query: dict[str, str], expected: set[str]) -> None:
    make_payment(merchant_uid="card", pg_provider="html5_inicis")
    make_payment(merchant_uid="part", pg_provider="inicis", status="cancelled", cancel_amount=1)
    make_payment(merchant_uid="waiting", pay_method="vbank", status="ready", paid_at=None)
    make_payment(merchant_uid="expired", pay_method="vbank", status="cancelled", paid_at=None)
    make_payment(merchant_uid="failed", status="failed", paid_at=None)
    assert orders(admin_client, **query) == expected


def test_date_filter_includes_both_days_in_korean_time(admin_client: Client) -> None:
    make_payment(merchant_uid="before", paid_at=datetime(2026, 3, 1, 23, 59, tzinfo=SEOUL))
    make_payment(merchant_uid="first", paid_at=datetime(2026, 3, 2, 0, 0, tzinfo=SEOUL))
    make_payment(merchant_uid="last", paid_at=datetime(2026, 3, 3, 23, 59, tzinfo=SEOUL))
    make_payment(merchant_uid="after", paid_at=datetime(2026, 3, 4, 0, 0, tzinfo=SEOUL))
    assert orders(admin_client, paid_at_from="2026-03-02", paid_at_to="2026-03-03") == {"first", "last"}
    assert len(orders(admin_client, paid_at_from="0001-01-01", paid_at_to="9999-12-31")) == 4


@pytest.mark.parametrize("name", ["merchant_uid__exact", "method", "paid_at_from", "user__id__exact"])
def test_nul_characters_in_a_filter_are_a_bad_request(admin_client: Client, name: str) -> None:
    assert admin_client.get(LIST, {name: "a\x00b"}).status_code == 400


@pytest.mark.parametrize("name", ["merchant_uid__exact", "method", "paid_at_from", "nonsense", "o"])
def test_crafted_filters_are_no_server_error(admin_client: Client, name: str) -> None:
    assert admin_client.get(LIST, {name: "x" * 5_000}).status_code in (200, 302, 400)


@pytest.mark.parametrize("page", ["0", "-1", "abc", "99999999"])
def test_every_page_number_is_answered(admin_client: Client, page: str) -> None:
    make_payment()
    assert admin_client.get(LIST, {"p": page}).status_code in (200, 302)


def test_saving_the_buyers_account_overwrites_no_amounts(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    payment, buyer = make_payment(), make_user()
    refresh = Payment.full_clean

    def book_meanwhile(self: Payment, *args: Any, **kwargs: Any) -> None:
        Payment.objects.filter(pk=self.pk).update(cancel_amount=Decimal(4_000), status="cancelled")
        refresh(self, *args, **kwargs)

    monkeypatch.setattr(Payment, "full_clean", book_meanwhile)
    admin_client.post(f"{LIST}{payment.pk}/change/", {"user": buyer.pk, "amount": "1", "cancel_amount": "0"})

    payment.refresh_from_db()
    assert (payment.user, payment.amount, payment.cancel_amount) == (buyer, 10_000, 4_000)
    assert payment.status == "cancelled"


def test_payment_page_shows_the_payments_fields(admin_client: Client) -> None:
    card = make_payment(card_name="Shinhan", card_number="4330****", paid_at=timezone.now())
    vbank = make_payment(pay_method="vbank", vbank_num="56200001", vbank_name="신한은행")

    shown = admin_client.get(f"{LIST}{card.pk}/change/").text
    assert "4330****" in shown
    assert "Virtual account" not in shown
    assert "56200001" in admin_client.get(f"{LIST}{vbank.pk}/change/").text


def test_user_pages_use_the_admin_theme(admin_client: Client, admin_user: User) -> None:
    for path in ("user/", f"user/{admin_user.pk}/change/", "user/add/", "group/"):
        assert admin_client.get(f"/admin/auth/{path}").status_code == 200


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"tax_free": "3000", "vat_amount": "636"}, (3_000, 636)),
        ({"tax_free": "10000", "vat_amount": "0"}, (10_000, 0)),
        ({"tax_free": "", "vat_amount": ""}, (None, None)),
        ({"tax_free": "10001"}, "invalid_amount"),
        ({"tax_free": "9500", "vat_amount": "501"}, "invalid_amount"),
        ({"tax_free": "-1"}, "invalid_amount"),
        ({"vat_amount": "0.5"}, "invalid_amount"),
    ],
)
def test_tax_parts_are_entered_as_parts_of_the_amount(
    admin_client: Client, typed: dict[str, str], kept: object
) -> None:
    payment = make_payment()
    url = f"{LIST}{payment.pk}/change/"
    answer: Any = admin_client.post(url, {"user": "", "tax_free": "", "vat_amount": "", **typed})
    payment.refresh_from_db()
    if isinstance(kept, str):
        errors = answer.context["adminform"].form.errors.as_data()
        assert [error.code for found in errors.values() for error in found] == [kept] * len(typed)
        kept = (None, None)
    assert (payment.tax_free, payment.vat_amount) == kept


@pytest.mark.parametrize(("permissions", "editable"), [([], False), (["change_payment"], True)])
def test_tax_parts_are_shown_to_all_and_edited_with_the_permission(
    client: Client, permissions: list[str], editable: bool
) -> None:
    payment = make_payment(tax_free=Decimal(3_000))
    client.force_login(make_staff("view_payment", "refund_payment", *permissions))
    page = client.get(f"{LIST}{payment.pk}/change/").content.decode()
    assert ('name="tax_free"' in page) is editable
    assert ("₩3,000" in page) is not editable
