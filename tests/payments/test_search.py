"""Staff find payments and refunds by any part of a number, a name, an address or the goods, and by the amount."""

import re
from importlib import import_module
from typing import Any
from unicodedata import normalize

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from payments.admin import search
from payments.models import Payment
from refunds.admin.search import search_refunds
from refunds.models import RefundRecord
from tests.factories import make_payment, make_refund, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

PAYMENTS, REFUNDS = "/admin/payments/payment/", "/admin/refunds/refundrecord/"
NFD = normalize("NFD", "홍길동")  # as a Mac writes it


def found(text: str) -> list[set[str]]:
    """Return the orders of the payments and of the refunds that the lists show for this search."""
    payments = search.search_payments(Payment.objects.all(), text, newest=True)
    refunds = search_refunds(RefundRecord.objects.all(), text, newest=True)
    return [{payment.merchant_uid for payment in payments}, {refund.payment.merchant_uid for refund in refunds}]


def orders(client: Client, text: str, path: str = PAYMENTS) -> set[str]:
    """Return the orders that a list shows for this search."""
    answer: Any = client.get(path, {"q": text})
    assert answer.status_code == 200
    return {getattr(row, "payment", row).merchant_uid for row in answer.context["cl"].result_list}


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ({"merchant_uid": "ORD-2024-1001"}, "ORD-2024"),
        ({"merchant_uid": "ORD-2024-1001"}, "1001"),
        ({"merchant_uid": "ORD-2024-1001"}, " 24-10 "),
        ({"merchant_uid": "ord-1"}, "ORD-1"),
        ({"merchant_uid": "7"}, "7"),
        ({"merchant_uid": "50%_off\\"}, "0%_off\\"),
        ({"merchant_uid": normalize("NFD", "주문-1")}, "주문-1"),
        ({"imp_uid": "imp_778899"}, "IMP_77"),
        ({"imp_uid": "imp_778899"}, "8899"),
        ({"buyer_name": "김하늘"}, "하늘"),
        ({"buyer_name": "독고하늘별"}, "하늘"),
        ({"buyer_name": "김하늘"}, "늘"),
        ({"buyer_name": "홍길동"}, NFD),
        ({"buyer_name": NFD}, "길동"),
        ({"buyer_name": "Ｋｉｍ　Ｍｉｎ"}, "kim min"),
        ({"buyer_name": "KIM  Min"}, "Kim Min"),
        ({"buyer_name": "Zoë"}, "ZOE\u0308"),
        ({"buyer_email": "Jo.Carter@Example.com"}, "carter@"),
        ({"buyer_email": "hong@example.com"}, "HONG@EXAMPLE.COM"),
        ({"buyer_tel": "+821098765432"}, "010-9876-5432"),
        ({"buyer_tel": "010-9876-5432"}, "+82 10 9876 5432"),
        ({"buyer_tel": "010-9876-5432"}, "82 10 9876 5432"),
        ({"buyer_tel": "010-9876-5432"}, "5432"),
        ({"buyer_tel": "01098765432"}, "9876-5432"),
        ({"buyer_tel": "+82-(0)10-9876-5432"}, "01098765432"),
        ({"buyer_tel": "0082 10 9876 5432"}, "010-9876"),
        ({"buyer_tel": "010.9876.5432"}, "01098765432"),
        ({"buyer_tel": "０１０－９８７６－５４３２"}, "010-9876"),
        ({"buyer_tel": "02-123-4567"}, "+8221234567"),
        ({"buyer_tel": "1588-1234"}, "15881234"),
        ({"name": "콜롬비아 커피 원두"}, "커피"),
        ({"name": "콜롬비아 커피 원두", "buyer_name": "김하늘"}, "커피 하늘"),
        ({"name": "커피", "buyer_name": "김하늘", "amount": 63_000}, "하늘 63,000원 커피"),
        *(({"amount": 63_000}, text) for text in ("63000", "63,000", "₩63,000", "￦ 63000", "63,000원", "６３０００")),
        ({"amount": "42.50", "currency": "USD"}, "US$42.50"),
        ({"amount": 5}, "5"),
    ],
)
def test_a_payment_and_its_refund_are_found(stored: dict[str, Any], typed: str) -> None:
    wanted = make_payment(**stored)
    make_refund(wanted, amount=wanted.amount)
    make_refund(make_payment(merchant_uid="other", imp_uid="imp_other", buyer_name="other", buyer_tel="010-0000-0000"))
    assert found(typed) == [{wanted.merchant_uid}, {wanted.merchant_uid}]


@pytest.mark.parametrize("between", ["\n", ", ", " ", ";"])
def test_twenty_pasted_numbers_find_twenty(between: str) -> None:
    payments = [make_payment(merchant_uid=f"many-{number}") for number in range(10, 31)]
    refunds = [make_refund(payment) for payment in payments]
    assert all(set(refund.number) & set("23456789") for refund in refunds)  # one without would be searched as a name
    wanted = {payment.merchant_uid for payment in payments[:20]}
    mixed = [payment.imp_uid if number % 2 else payment.merchant_uid for number, payment in enumerate(payments[:20])]
    assert found(between.join(mixed)) == [wanted, wanted]
    assert found(between.join(refund.number.lower() for refund in refunds[:20])) == [set(), wanted]


@pytest.mark.parametrize("path", [PAYMENTS, REFUNDS])
def test_pasted_numbers_that_were_not_found_are_named(admin_client: Client, path: str) -> None:
    refunds = [make_refund(make_payment(merchant_uid=f"named-{number}")) for number in range(2)]
    own = refunds[1].number if path == REFUNDS else refunds[1].payment.imp_uid

    def named(text: str) -> list[str]:
        answer: Any = admin_client.get(path, {"q": text})
        shown = [str(message) for message in answer.context["messages"] if "numbers_not_found" in message.tags]
        return [text.partition(": ")[2] for text in shown]

    assert named(f"NAMED-0 {own} gone-1, gone-2") == ["gone-1, gone-2"]
    assert named("gone-1 gone-2 gone-3 gone-4") == ["gone-1, gone-2, gone-3, gone-4"]
    assert [named(text) for text in (f"named-0 {own}", "2026년 11월", "010 1234 5678", "named-9")] == [[]] * 4


JUNK = ["%", "_", "%%%", "___", "\\", "\\\\\\", "a\x00b", "x" * 10_000, "하" * 10_000, "1,1 " * 2_500, "🙂", "\ud800"]


@pytest.mark.parametrize("text", JUNK)
def test_other_texts_find_nothing(text: str) -> None:
    make_refund(make_payment(merchant_uid="find-2", imp_uid="imp-2", buyer_name="홍길동"))
    assert found(text) == [set(), set()]


@pytest.mark.parametrize("path", [PAYMENTS, REFUNDS])
def test_one_or_two_characters_say_that_more_are_needed(admin_client: Client, path: str) -> None:
    make_refund(make_payment(merchant_uid="ab-1"))
    answer: Any = admin_client.get(path, {"q": "ab"})
    assert not answer.context["cl"].result_list
    assert "at least 3 characters" in answer.text
    assert "at least 3 characters" not in admin_client.get(path, {"q": "ab-"}).text


def test_a_change_at_imort_changes_what_is_found(admin_client: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, buyer_name="홍길동", buyer_tel="010-1111-2222")
    Payment.objects.filter(pk=payment.pk).update(buyer_name="old", buyer_tel="019", search_key="old")
    call_command("sync_payments", payment.imp_uid)
    for text in (NFD, "+82 10 1111"):
        assert orders(admin_client, text) == {payment.merchant_uid}


@pytest.mark.parametrize("probed", [1, 2_000], ids=["frequent", "rare"])
def test_of_too_many_matches_the_newest_are_listed(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, probed: int
) -> None:
    """But an action on all that match is for all of them."""
    for name, most in (("SHOWN", 2), ("_READ", 3), ("_RECENT", 4), ("_PROBED", probed)):
        monkeypatch.setattr(search, name, most)
    for number in range(5):
        make_refund(make_payment(merchant_uid=f"same-{number}"))
    assert orders(admin_client, "same-") == orders(admin_client, "same-", REFUNDS) == {"same-3", "same-4"}
    assert search.search_payments(Payment.objects.all(), "same-").count() == 5


@pytest.mark.postgres
def test_each_condition_of_a_search_has_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    conditions = [*search.by_number("1 2 3"), *search.by_part("63000"), *search.by_part("jo@example.com")]
    conditions += [*search.by_part("하늘 63000 커피"), *search.by_part("+82 10-1234-5678")]
    plans = [Payment.objects.filter(condition).order_by().explain() for condition in conditions]
    assert len(plans) == 12
    assert not any("Seq Scan" in plan for plan in plans)
    assert "refund_by_amount" in RefundRecord.objects.filter(amount=1).order_by().explain()


@pytest.mark.postgres
def test_migrate_says_what_to_do_if_it_may_not_create_the_extension() -> None:
    first = import_module("payments.migrations.0001_initial")
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE; CREATE ROLE desk_without_rights; SET ROLE desk_without_rights")
    with (
        connection.schema_editor(atomic=False) as editor,
        pytest.raises(CommandError, match="CREATE EXTENSION pg_trgm"),
    ):
        first.create_pg_trgm(None, editor)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE; DROP ROLE desk_without_rights")


def test_the_box_beside_every_page_leads_to_the_payments_it_finds(admin_client: Client) -> None:
    page = admin_client.get("/admin/").text
    form = re.search(r'<form[^>]*action="([^"]+)" role="search">.*?name="(\w+)"', page, re.DOTALL)
    assert form is not None
    assert form.groups() == (PAYMENTS, "q")
    assert 'id="nav-filter"' not in page
