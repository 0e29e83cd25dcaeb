"""The payment list and page in the admin: fixed filters, and what staff may edit."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.admin import browsing
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


@pytest.mark.parametrize(
    ("page", "shown", "words", "note"),
    [
        ("1", 1, "1–2 of 4+", ""),
        ("2", 2, "3–4 of 4+", ""),
        ("3", 3, "5–6 of 6+", ""),
        ("4", 4, "7–7 of 7", ""),
        ("999", 4, "7–7 of 7", "There is no page 999. This is page 4."),
        ("0", 1, "1–2 of 4+", "There is no page 0. This is page 1."),
        ("abc", 1, "1–2 of 4+", ""),
    ],
)
def test_pages_say_where_they_are_and_how_many_there_are(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, page: str, shown: int, words: str, note: str
) -> None:
    monkeypatch.setattr(browsing, "COUNTED_AT_MOST", 4)
    monkeypatch.setattr("core.admin.lists.ReadOnlyAdmin.list_per_page", 2)
    for _number in range(7):
        make_payment()
    answer: Any = admin_client.get(LIST, {"p": page})
    rows = answer.context["cl"]
    assert (rows.page_num, rows.range_in_words, rows.notes) == (shown, words, [note] if note else [])
    assert ('rel="next"' in answer.text) is (shown < 4)
    assert f'aria-current="page">{shown}<' in answer.text


def test_few_rows_are_sorted_by_amount_and_many_say_that_they_are_not(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "COUNTED_AT_MOST", 5)
    now = timezone.now()
    for number, amount in enumerate((3_000, 100, 20_000, 50)):
        make_payment(merchant_uid=f"sort-{number}", amount=amount, paid_at=now + timedelta(hours=number))

    def shown(*, too_many: bool = False, **query: str) -> list[str]:
        answer: Any = admin_client.get(LIST, query)
        assert bool(answer.context["cl"].notes) is too_many
        return [payment.merchant_uid.removeprefix("sort-") for payment in answer.context["cl"].result_list]

    amount, time = "4", "8"  # columns
    assert shown(o=amount) == ["3", "1", "0", "2"]
    assert shown(o=f"-{amount}", q="sort") == ["2", "0", "1", "3"]
    assert shown(o=time, state="paid") == ["0", "1", "2", "3"]
    assert shown(o="99.x.-.3") == ["3", "2", "1", "0"]
    make_payment(merchant_uid="sort-4", amount=1, paid_at=now + timedelta(hours=4))
    assert shown(o=amount, too_many=True) == ["4", "3", "2", "1", "0"]
    monkeypatch.setattr(browsing, "COUNTED_AT_MOST", 6)
    assert shown(o=amount) == ["4", "3", "1", "0", "2"]


def test_filters_stand_above_the_list_and_can_be_removed_one_by_one(admin_client: Client) -> None:
    make_payment(merchant_uid="chip-1", pay_method="card")
    query = {"q": "chip", "state": "paid", "method": "card", "paid_at_from": "2020-01-01", "o": "4"}
    answer: Any = admin_client.get(LIST, query)
    chips = {chip.text: chip.without for chip in answer.context["cl"].chips}
    assert list(chips) == ["Search: chip", "Status: Paid", "Method: Card", "Paid at: 2020-01-01 –"]
    assert "1 result<" in answer.text
    for text, without in chips.items():
        left: Any = admin_client.get(f"{LIST}{without}")
        assert [chip.text for chip in left.context["cl"].chips] == [each for each in chips if each != text]
    assert admin_client.get(LIST).context["cl"].chips == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "paid"}, {"card"}),
        ({"state": "partly_refunded"}, {"part"}),
        ({"state": "refunded"}, {"full"}),
        ({"state": "ready"}, {"waiting"}),
        ({"state": "failed"}, {"failed"}),
        ({"state": "expired"}, {"expired"}),
        ({"method": "vbank"}, {"waiting", "expired"}),
        ({"pg": "html5_inicis"}, {"card", "part"}),
        ({"method": ""}, {"card", "part", "full", "waiting", "failed", "expired"}),
    ],
)
def test_filters_use_labels(admin_client: Client, query: dict[str, str], expected: set[str]) -> None:
    make_payment(merchant_uid="card", pg_provider="html5_inicis")
    make_payment(merchant_uid="part", pg_provider="inicis", status="cancelled", cancel_amount=1)
    make_payment(merchant_uid="full", status="cancelled", cancel_amount=10_000)
    make_payment(merchant_uid="waiting", pay_method="vbank", status="ready", paid_at=None)
    make_payment(merchant_uid="expired", pay_method="vbank", status="cancelled", paid_at=None)
    make_payment(merchant_uid="failed", status="failed", paid_at=None)
    assert orders(admin_client, **query) == expected


@pytest.mark.parametrize("query", [{"pg": "junk"}, {"state": "x" * 5_000}, {"paid_at_from": "soon"}])
def test_a_filter_that_cannot_be_read_says_so_and_shows_no_row(admin_client: Client, query: dict[str, str]) -> None:
    make_payment()
    answer: Any = admin_client.get(LIST, query)
    assert not answer.context["cl"].result_list
    assert [message.tags for message in answer.context["messages"]] == ["unreadable_filter error"]


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
