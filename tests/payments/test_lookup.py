"""What is asked for and not here yet is looked up at i'mport, once. Never for buyers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from access.tokens.service import create_token
from payments.admin.search import is_whole_number
from payments.gateway import slots
from payments.intake import on_demand
from payments.models import Payment
from tests.entry_points import run_command
from tests.factories import make_staff, make_user
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = "ORDER-NEW-1"


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def shop(*permissions: str) -> Client:
    """Return the client of a server with a token of an account with these permissions."""
    user = make_staff(*permissions) if permissions else make_user()
    _token, text = create_token(user=user, name="shop")
    return Client(headers={"Authorization": f"Token {text}"})


def by_reading(number: str) -> tuple[Any, str]:
    answer = shop("view_payment").get(f"/payments/{number}")
    return answer.status_code, answer.json().get("code", "")


def by_refund(number: str) -> tuple[Any, str]:
    name = "imp_uid" if number.startswith("imp") else "merchant_uid"
    answer = shop("refund_payment").post("/payments/cancel", {name: number}, content_type="application/json")
    return answer.status_code, answer.json().get("code", "")


def by_command(number: str) -> tuple[Any, str]:
    code, document = run_command("refund", number)
    return code, document["results"][0].get("code", "")


def by_dry_run(number: str) -> tuple[Any, str]:
    code, document = run_command("refund", number, "--dry-run")
    return code, document["results"][0].get("code", "")


def by_reconcile(number: str) -> tuple[Any, str]:
    code, document = run_command("reconcile", number)
    return code, document["results"][0].get("code", "").replace("agrees", "")


def by_search(number: str) -> tuple[Any, str]:
    client = Client()
    client.force_login(make_staff("view_payment"))
    page = client.get("/admin/payments/payment/", {"q": number})
    found = number in page.content.decode().partition('id="result_list"')[2]
    failed = "could not be asked" in page.content.decode()
    return (200 if found else 503 if failed else 404), "lookup_unavailable" if failed else ""


WAYS = [by_reading, by_refund, by_command, by_dry_run, by_reconcile, by_search]
Way = Callable[[str], tuple[Any, str]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", ["imp_uid", "merchant_uid"])
def test_staff_and_servers_find_what_is_not_here_yet(sandbox: SandboxServer, way: Way, number: str) -> None:
    payment = sandbox.create_payment(merchant_uid=ORDER, pg_provider="uplus")

    assert way(payment[number]) in [(200, ""), (0, "")]

    assert Payment.objects.get().imp_uid == payment["imp_uid"]


@pytest.mark.parametrize("way", WAYS)
def test_iamport_out_of_reach_is_no_proof_that_there_is_no_payment(sandbox: SandboxServer, way: Way) -> None:
    sandbox.fault("*", "http_500", times=None)

    assert way(ORDER) in [(503, "lookup_unavailable"), (1, "lookup_unavailable")]


def test_buyers_find_nothing_and_cause_no_call(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(merchant_uid=ORDER)
    before = sandbox.stats()
    client, page = shop(), Client()
    page.force_login(make_user("other"))

    for number in (ORDER, payment["imp_uid"]):
        assert client.get(f"/payments/{number}").status_code == 404
        assert client.get(f"/payments/{number}/refunds").status_code == 404
    body = {"merchant_uid": ORDER}
    assert client.post("/payments/cancel", body, content_type="application/json").status_code == 404
    assert page.get(f"/orders/{payment['imp_uid']}").status_code == 404

    assert sandbox.stats() == before
    assert not Payment.objects.exists()


def test_unknown_number_is_asked_for_once_in_a_while(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = shop("view_payment")
    assert [client.get(f"/payments/{ORDER}").status_code for _ in range(5)] == [404] * 5
    assert sandbox.stats()["findAll"] == 1

    sandbox.create_payment(merchant_uid=ORDER)
    cache.clear()  # as after UNKNOWN_SECONDS
    assert client.get(f"/payments/{ORDER}").status_code == 200


def test_all_payments_of_an_order_are_mirrored(sandbox: SandboxServer) -> None:
    failed = sandbox.create_payment(merchant_uid=ORDER, status="failed")["imp_uid"]
    paid = sandbox.create_payment(merchant_uid=ORDER)["imp_uid"]

    answer = shop("view_payment").get(f"/payments/{ORDER}")

    assert answer.json()["imp_uid"] == paid
    assert set(Payment.objects.values_list("imp_uid", flat=True)) == {failed, paid}
    sandbox.create_payments([{"merchant_uid": "TWICE-1"}, {"merchant_uid": "TWICE-1"}])
    assert run_command("refund", "TWICE-1")[1]["results"][0]["code"] == "several_payments"


@pytest.mark.parametrize("number", ["x" * 41, "a\x01b", " ORDER", "결제" * 21])
def test_impossible_number_is_not_asked_for(sandbox: SandboxServer, number: str) -> None:
    assert not on_demand.look_up(merchant_uid=number)
    assert not sandbox.log("findAll")


def test_a_web_process_asks_so_many_times_a_minute_only(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_demand, "LOOKUPS_PER_MINUTE", 2)
    monkeypatch.setattr(slots, "_limit", 4)
    client = shop("view_payment")

    statuses = [client.get(f"/payments/imp_{number}").status_code for number in range(3)]

    assert statuses == [404, 503, 503]  # each asks by both numbers


@pytest.mark.parametrize(
    ("text", "is_asked_for"),
    [
        *(("imp_123456789012", True), ("ORDER-1", True), ("20261126-0001", True), ("A/2026.1#3", True)),
        *(("홍길동", False), ("buyer", False), ("hong@example.com", False), ("010-1234-5678", False), ("imp_", False)),
        *(("0212345678", False), ("order 12345", False), ("x1" * 21, False)),
    ],
)
def test_search_asks_for_whole_numbers_and_for_no_personal_data(text: str, is_asked_for: bool) -> None:
    assert is_whole_number(text) == is_asked_for


@pytest.mark.parametrize("number", ["z/12", "a/b/paid", "/"])
def test_order_number_with_a_slash_is_looked_up(sandbox: SandboxServer, number: str) -> None:
    assert run_command("refund", number)[1]["results"][0]["code"] == "payment_not_found"
    cache.clear()
    sandbox.create_payment(merchant_uid=number, pg_provider="uplus")
    assert run_command("refund", number)[0] == 0
