"""Pages, lists and comparisons with rows that are out of the ordinary."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.expressions import RawSQL
from django.test import Client
from django.utils import timezone

from payments.models import Payment
from refunds.admin.bulk_refund.views import confirmation_url
from refunds.models import RefundRecord
from refunds.reconciliation.drift import compare_period
from tests.admin_pages import sign_in
from tests.api_client import get, make_token
from tests.factories import make_payment, make_refund, make_user
from tests.fakes import InstantGateway

pytestmark = pytest.mark.django_db

LIST = "/admin/payments/payment/"
LEDGER = "/admin/refunds/refundrecord/"


def bodies(client: Client, payment: Payment) -> list[bytes]:
    """Return every page that shows the payment, and the exports."""
    pages = ["/", "/admin/", LIST, f"{LIST}{payment.pk}/change/", confirmation_url([payment.pk]), LEDGER]
    answers: list[Any] = [client.get(page, follow=True) for page in pages]
    for page in (LIST, LEDGER):
        answers += [client.post(f"{page}export/", {"format": kind}) for kind in ("csv", "xlsx")]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    return [answer.getvalue() for answer in answers]


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("12345678901234", "KRW"), ("10000000000000.5", "USD"), ("1e30", "KWD")],
)
def test_every_list_survives_an_amount_that_is_too_large(client: Client, amount: str, currency: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL does not store such values")
    boss = make_user("boss", is_staff=True, is_superuser=True)
    odd, fine = make_payment(currency=currency, user=boss), make_payment(user=boss)
    make_refund(fine, status="requested")
    stored = RawSQL(amount, [])  # noqa: S611
    Payment.objects.filter(pk=odd.pk).update(amount=stored)
    RefundRecord.objects.update(amount=stored, checksum=stored)
    secret = make_token(user=boss)[1]
    assert bodies(sign_in(client, boss), odd)
    assert len(get(secret, "/payments").json()["results"]) == 2
    assert len(get(secret, "/refunds").json()["results"]) == 1
    report = compare_period(
        since=timezone.now() - timedelta(days=1), until=timezone.now(), gateway=InstantGateway(fine)
    )
    assert (report.error, report.compared) == ("", 2)


@pytest.mark.parametrize(
    ("status", "text"), [("pending", "Pending"), ("disputed", "Unknown (disputed)"), ("보류", "Unknown (보류)")]
)
@pytest.mark.parametrize("paid_at", [timezone.now(), None], ids=["paid", "unpaid"])
def test_every_page_shows_any_status(client: Client, status: str, text: str, paid_at: datetime | None) -> None:
    boss = make_user("boss", is_staff=True, is_superuser=True)
    payment = make_payment(status=status, paid_at=paid_at, user=boss, pay_method="new", pg_provider="new", card_type=7)
    _shop, _overview, listed, page, confirmation, *_rest = bodies(sign_in(client, boss), payment)
    assert text in listed.decode()
    assert text in page.decode()
    if status != "pending":
        assert f"({status})" in confirmation.decode()
    shown = get(make_token(user=boss)[1], "/payments").json()["results"][0]
    assert (shown["status"], shown["refundable_amount"]) == (status, 10_000 if paid_at else 0)


def test_every_page_marks_a_test_payment(client: Client) -> None:
    boss = make_user("boss", is_staff=True, is_superuser=True)
    payment, real = make_payment(user=boss, sandbox=True), make_payment(user=boss)
    make_refund(payment)
    *pages, _payments_csv, _payments_xlsx, _refunds_csv, _refunds_xlsx = bodies(sign_in(client, boss), payment)
    marks = [page.decode().count(">Test</span>") for page in pages]
    assert marks == [1, 1, 1, 1, 1, 1]
    assert b",Test\r\n" in _payments_csv
    assert b",Test\r\n" in _refunds_csv
    secret = make_token(user=boss)[1]
    shown = {row["imp_uid"]: row["sandbox"] for row in get(secret, "/payments").json()["results"]}
    assert shown == {payment.imp_uid: True, real.imp_uid: False}
    assert [row["sandbox"] for row in get(secret, "/refunds").json()["results"]] == [True]
