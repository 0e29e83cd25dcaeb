"""`GET /payments` and `GET /refunds`: pagination, filters, and only the rows that the account may see."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.models import Payment
from refunds.api.lists.pagination import write_cursor
from refunds.models import RefundReason, RefundRecord
from tests.factories import make_payment, make_reason, make_staff, make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
Json = dict[str, Any]


@pytest.fixture
def buyer() -> User:
    return make_user("buyer")


@pytest.fixture
def shop(buyer: User) -> Client:
    client = Client()
    client.force_login(buyer)
    return client


def make_refund(payment: Payment, **fields: Any) -> RefundRecord:
    defaults = {"source": "api", "amount": Decimal(100), "checksum": payment.amount, "requested_at": timezone.now()}
    ended = {"status": "succeeded", "cancelled_amount": Decimal(100), "settled_at": timezone.now()}
    return RefundRecord.objects.create(payment=payment, **defaults | ended | fields)


def read(client: Client, path: str, **parameters: Any) -> Json:
    answer = client.get(path, parameters)
    assert answer.status_code == 200, answer.content
    body: Json = answer.json()
    return body


def names(body: Json) -> list[str]:
    return [row["merchant_uid"] for row in body["results"]]


def walk(client: Client, path: str, link: str = "next") -> Iterator[list[int | str]]:
    """Yield the ids on each page, following the links."""
    at: str | None = path
    while at is not None:
        body = client.get(at).json()
        yield [row.get("id", row["imp_uid"]) for row in body["results"]]
        at = body[link]


def last_page(client: Client, path: str) -> str:
    while (following := client.get(path).json()["next"]) is not None:
        path = following
    return path


# --- Pages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_lists_are_newest_first(shop: Client, buyer: User, slash: str) -> None:
    for day in (2, 3, 1):
        payment = make_payment(user=buyer, merchant_uid=f"day-{day}", paid_at=NOON + timedelta(days=day))
        make_refund(payment, requested_at=NOON + timedelta(days=day))

    for path in (f"/payments{slash}", f"/refunds{slash}"):
        body = read(shop, path)
        assert names(body) == ["day-3", "day-2", "day-1"]
        assert (body["next"], body["previous"]) == (None, None)


def test_a_payment_that_was_never_paid_stands_where_it_was_first_seen(shop: Client, buyer: User) -> None:
    now = timezone.now()
    make_payment(user=buyer, merchant_uid="before", paid_at=now - timedelta(days=1))
    make_payment(user=buyer, merchant_uid="never", status="ready", paid_at=None)
    make_payment(user=buyer, merchant_uid="after", paid_at=now + timedelta(days=1))

    assert names(read(shop, "/payments")) == ["after", "never", "before"]


@pytest.mark.parametrize("path", ["/payments?page_size=3", "/refunds?page_size=3"])
@pytest.mark.parametrize("count", [1, 3, 7, 9])
def test_every_row_comes_once_in_both_directions_though_all_are_of_one_moment(
    shop: Client, buyer: User, path: str, count: int
) -> None:
    for _ in range(count):
        make_refund(make_payment(user=buyer, paid_at=NOON), requested_at=NOON)

    forward = list(walk(shop, path))
    back = list(walk(shop, last_page(shop, path), "previous"))

    assert [len(page) for page in forward] == [min(3, count - start) for start in range(0, count, 3)]
    assert len({row for page in forward for row in page}) == count
    assert back == forward[::-1]


def test_what_is_added_meanwhile_shifts_nothing(shop: Client, buyer: User) -> None:
    for number in range(4):
        make_payment(user=buyer, merchant_uid=f"old-{number}", paid_at=NOON)
    first = read(shop, "/payments", page_size=2)
    for when in (NOON, NOON + timedelta(days=1)):
        make_payment(user=buyer, merchant_uid="new", paid_at=when)

    following = shop.get(first["next"]).json()

    assert names(first) + names(following) == ["old-3", "old-2", "old-1", "old-0"]
    assert names(shop.get(following["previous"]).json()) == ["old-3", "old-2"]


def test_links_keep_the_filters(shop: Client, buyer: User) -> None:
    for status in ("paid", "failed", "paid", "failed", "paid"):
        make_payment(user=buyer, status=status, merchant_uid=status, paid_at=NOON)
    pages = list(walk(shop, "/payments?status=paid&page_size=2"))
    assert [len(page) for page in pages] == [2, 1]


# --- Filters -------------------------------------------------------------------------------------------------


def test_payments_are_found_by_status_method_and_order(shop: Client, buyer: User) -> None:
    card = make_payment(user=buyer, merchant_uid="card")
    make_payment(user=buyer, merchant_uid="bank", pay_method="vbank", status="ready", paid_at=None)
    make_payment(user=buyer, merchant_uid="lost", status="failed", paid_at=None)

    assert names(read(shop, "/payments", status="ready")) == ["bank"]
    assert sorted(names(read(shop, "/payments", status=["ready", "failed"]))) == ["bank", "lost"]
    assert names(read(shop, "/payments", method="vbank")) == ["bank"]
    assert names(read(shop, "/payments", order="card")) == ["card"]
    assert names(read(shop, "/payments", order=card.imp_uid)) == ["card"]
    assert names(read(shop, "/payments", order="car")) == []
    assert names(read(shop, "/payments", order="card", status="failed")) == []


def test_refunds_are_found_by_status_source_method_and_order(shop: Client, buyer: User) -> None:
    card, bank = make_payment(user=buyer, merchant_uid="card"), make_payment(user=buyer, merchant_uid="bank")
    Payment.objects.filter(pk=bank.pk).update(pay_method="vbank")
    make_refund(card, source="admin")
    make_refund(bank, status="pending", cancelled_amount=None, settled_at=None)

    assert names(read(shop, "/refunds", status="pending")) == ["bank"]
    assert names(read(shop, "/refunds", status=["pending", "unknown"])) == ["bank"]
    assert names(read(shop, "/refunds", source="admin")) == ["card"]
    assert names(read(shop, "/refunds", method="vbank")) == ["bank"]
    assert names(read(shop, "/refunds", order=card.imp_uid)) == ["card"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"from": "2026-11-02"}, ["3rd 00:00", "2nd 23:59", "2nd 00:00"]),
        ({"to": "2026-11-02"}, ["2nd 23:59", "2nd 00:00", "1st 23:59"]),
        ({"from": "2026-11-02", "to": "2026-11-02"}, ["2nd 23:59", "2nd 00:00"]),
        ({"from": "2026-11-01T15:00:00Z", "to": "2026-11-02T15:00:00Z"}, ["2nd 23:59", "2nd 00:00"]),
        ({"from": "2026-11-02T00:00:00+09:00", "to": "2026-11-02T23:59:00+09:00"}, ["2nd 00:00"]),
        (
            {"from": "2026-11-01T23:59:00+23:59", "to": "2026-11-01T16:00:00-23:00"},
            ["2nd 23:59", "2nd 00:00", "1st 23:59"],
        ),
        ({"from": "1900-01-01", "to": "2899-12-31"}, ["3rd 00:00", "2nd 23:59", "2nd 00:00", "1st 23:59"]),
    ],
)
@pytest.mark.parametrize("path", ["/payments", "/refunds"])
def test_days_are_days_in_seoul_and_moments_have_their_offset(
    shop: Client, buyer: User, path: str, given: dict[str, str], found: list[str]
) -> None:
    moments = {
        "1st 23:59": datetime(2026, 11, 1, 14, 59, tzinfo=UTC),
        "2nd 00:00": datetime(2026, 11, 1, 15, 0, tzinfo=UTC),
        "2nd 23:59": datetime(2026, 11, 2, 14, 59, tzinfo=UTC),
        "3rd 00:00": datetime(2026, 11, 2, 15, 0, tzinfo=UTC),
    }
    for name, moment in moments.items():
        make_refund(make_payment(user=buyer, merchant_uid=name, paid_at=moment), requested_at=moment)

    assert names(read(shop, path, **given)) == found


def test_a_plus_that_nobody_encoded_is_understood(shop: Client, buyer: User) -> None:
    make_payment(user=buyer, paid_at=NOON)
    assert len(shop.get("/payments?from=2026-11-02T21:00:00+09:00").json()["results"]) == 1
    assert len(shop.get("/payments?from=2026-11-02T21:00:01+09:00").json()["results"]) == 0


# --- Invalid parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [("State", "status"), ("pageSize", "page_size"), ("limit", "page_size"), ("merchant_uid", "order"), ("x" * 99, "")],
)
def test_an_unknown_parameter_gets_the_name_that_was_probably_meant(shop: Client, name: str, meant: str) -> None:
    message = shop.get(f"/payments?{name}=1").json()["message"]
    assert ("Did you mean" in message) == bool(meant)
    assert f"Did you mean “{meant}”? Known names: “page_size”, " in message or not meant


def test_an_answer_stays_short_however_many_parameters_are_unknown(shop: Client) -> None:
    query = "&".join(f"{number}=" for number in range(600))
    assert len(shop.get(f"/payments?{query}").json()["violations"]) == 20


@pytest.mark.parametrize(
    ("name", "meant"), [("amount", "cancel_request_amount"), ("merchantUid", "merchant_uid"), ("taxfree", "tax_free")]
)
def test_so_does_an_unknown_field(shop: Client, name: str, meant: str) -> None:
    answer = shop.post("/payments/cancel", {"merchant_uid": "a", name: 1}, content_type="application/json")
    assert f"Did you mean “{meant}”?" in answer.json()["message"]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("state=paid", "unknown_parameter", "state"),
        ("Status=paid", "unknown_parameter", "Status"),
        ("format=json", "unknown_parameter", "format"),
        ("status=nonsense", "invalid_parameter", "status"),
        ("status=paid&status=nonsense", "invalid_parameter", "status"),
        ("status=", "invalid_parameter", "status"),
        ("method=", "invalid_parameter", "method"),
        ("method=%20", "invalid_parameter", "method"),
        (f"method={'x' * 33}", "invalid_parameter", "method"),
        ("order=a%01b", "invalid_parameter", "order"),
        ("order=a%0Eb", "invalid_parameter", "order"),
        ("order=a&order=b", "invalid_parameter", "order"),
        (f"order={'x' * 41}", "invalid_parameter", "order"),
        ("from=yesterday", "invalid_parameter", "from"),
        ("from=2026-02-30", "invalid_parameter", "from"),
        ("from=2026-11-01T09:30:00", "invalid_parameter", "from"),
        ("to=2026-11-01T25:00:00Z", "invalid_parameter", "to"),
        ("to=9999-12-31", "invalid_parameter", "to"),
        ("to=0001-01-01T00:00:00%2B23:59", "invalid_parameter", "to"),
        ("page_size=0", "invalid_parameter", "page_size"),
        ("page_size=101", "invalid_parameter", "page_size"),
        ("page_size=-1", "invalid_parameter", "page_size"),
        ("page_size=ten", "invalid_parameter", "page_size"),
        ("page_size=", "invalid_parameter", "page_size"),
        ("cursor=", "invalid_parameter", "cursor"),
        ("cursor=nonsense", "invalid_cursor", "cursor"),
        ("cursor=!!!", "invalid_cursor", "cursor"),
        ("cursor=%ED%95%9C", "invalid_cursor", "cursor"),
        (f"cursor={write_cursor(NOON, 1)}x", "invalid_cursor", "cursor"),
    ],
)
@pytest.mark.parametrize("path", ["/payments", "/refunds"])
def test_what_cannot_be_read_is_refused_by_name(shop: Client, path: str, query: str, code: str, field: str) -> None:
    answer = shop.get(f"{path}?{query}")
    body = answer.json()

    assert (answer.status_code, body["code"], body["retryable"]) == (400, code, False)
    assert [violation["field"] for violation in body["violations"]] == [field]
    assert body["violations"][0]["message"] in body["message"]


def test_everything_wrong_is_named_at_once(shop: Client) -> None:
    body = shop.get("/refunds?state=open&source=moon&from=soon").json()
    assert {violation["field"] for violation in body["violations"]} == {"state", "source", "from"}


# --- Permissions ---------------------------------------------------------------------------------------------


@pytest.fixture
def two_orders(buyer: User) -> None:
    for name, owner in (("mine", buyer), ("theirs", make_user("somebody else"))):
        make_refund(make_payment(user=owner, merchant_uid=name))


@pytest.mark.usefixtures("two_orders")
@pytest.mark.parametrize("path", ["/payments", "/refunds"])
def test_buyers_see_their_own_and_staff_who_may_see_everything(client: Client, buyer: User, path: str) -> None:
    assert client.get(path).status_code == 401
    client.force_login(buyer)
    assert names(read(client, path)) == ["mine"]
    assert names(read(client, path, order="theirs")) == []
    client.force_login(make_staff("view_payment", name="viewer"))
    assert names(read(client, path)) == ["theirs", "mine"]
    client.force_login(make_staff("refund_payment", name="refunder"))
    assert names(read(client, path)) == ["theirs", "mine"]
    client.force_login(make_staff(name="clerk"))
    assert names(read(client, path)) == []


@pytest.mark.parametrize("path", ["/payments", "/refunds"])
@pytest.mark.parametrize("permission", [None, "refund_payment"])
def test_a_long_page_takes_as_many_queries_as_a_short_one(client: Client, path: str, permission: str | None) -> None:
    user = make_staff(permission) if permission else make_user()
    client.force_login(user)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            read(client, path, page_size=100)
        return len(captured)

    make_refund(make_payment(user=user))
    read(client, path)
    short = queries()
    for fields in ({}, {"status": "failed", "cancelled_amount": None}) * 15:
        make_refund(make_payment(user=user), **fields)

    assert queries() == short


def test_rows_are_written_as_everywhere_else(shop: Client, buyer: User) -> None:
    payment = make_payment(user=buyer)
    refund = make_refund(payment)
    # Which request for approval waits is told by the payment's own address.
    assert [row | {"approval": None} for row in read(shop, "/payments")["results"]] == [
        read(shop, f"/payments/{payment.merchant_uid}")
    ]
    assert read(shop, "/refunds")["results"] == [read(shop, f"/refunds/{refund.number}")]


def test_late_refunds_are_found(shop: Client, buyer: User) -> None:
    now = timezone.now()
    long_ago = now - timedelta(days=14)
    make_refund(make_payment(user=buyer), requested_at=long_ago)
    waits: Json = {"status": "pending", "cancelled_amount": None, "settled_at": None}
    stuck = make_refund(make_payment(user=buyer), requested_at=long_ago, **waits)
    make_refund(make_payment(user=buyer), **waits)
    missed = make_refund(make_payment(user=buyer), not_received_at=now)
    make_refund(make_payment(), not_received_at=now)  # of somebody else

    late = {row["id"] for row in read(shop, "/refunds", late="true")["results"]}
    assert late == {stuck.pk, missed.pk}
    answer = shop.get("/refunds", {"late": "yes"})
    assert (answer.status_code, answer.json()["violations"][0]["field"]) == (400, "late")


@pytest.mark.parametrize("path", ["/payments", "/refunds"])
def test_lists_can_only_be_read(shop: Client, path: str) -> None:
    answer = shop.post(path, json.dumps({}), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert shop.get("/payments/cancel").status_code == shop.get("/payments/cancel/").status_code == 405


# --- Reasons -------------------------------------------------------------------------------------------------


def test_refunds_are_filtered_by_reason_and_fault(shop: Client, buyer: User) -> None:
    payment = make_payment(user=buyer)
    chosen = {"change_of_mind": "buyer", "defective": "shop", "other": ""}
    made = {code: make_refund(payment, reason_code=code, fault=fault).pk for code, fault in chosen.items()}

    def found(**query: Any) -> list[int]:
        return [row["id"] for row in read(shop, "/refunds", **query)["results"]]

    assert found(reason_code="defective") == found(fault="shop") == [made["defective"]]
    assert set(found(fault=["shop", "buyer"])) == {made["defective"], made["change_of_mind"]}
    assert shop.get("/refunds", {"fault": "nobody"}).json()["violations"][0]["field"] == "fault"


def test_the_reasons_in_use_are_listed_in_the_readers_language(shop: Client) -> None:
    RefundReason.objects.all().delete()
    make_reason("other", name_ko="기타", name_en="Other", fault="", needs_note=True, position=2)
    make_reason("change_of_mind", position=1)
    make_reason("old", is_active=False)

    first, second = shop.get("/refund-reasons", headers={"accept-language": "ko"}).json()["results"]

    names = {"name": "단순 변심", "name_ko": "단순 변심", "name_en": "Change of mind"}
    assert first == {"code": "change_of_mind", **names, "fault": "buyer", "needs_note": False}
    assert (second["code"], second["fault"], second["needs_note"]) == ("other", "", True)
    assert Client().get("/refund-reasons").status_code == 401
