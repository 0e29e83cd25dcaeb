"""Published clients of i'mport work unchanged against the sandbox: pay, find, cancel, billing keys."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.published_clients import published
from tests.sandbox_server import SandboxServer

Iamport = published("iamport").Iamport

CARD = {"card_number": "4092-0230-1234-1234", "expiry": "2030-12", "birth": "880101", "pwd_2digit": "00"}
REFUSED_CARD = {**CARD, "card_number": "0000-0000-0000-0000"}


@pytest.fixture
def client(sandbox: SandboxServer) -> Any:
    return Iamport(sandbox.imp_key, sandbox.imp_secret, imp_url=f"{sandbox.url}/")


def test_iamporter_pays_finds_and_cancels(sandbox: SandboxServer) -> None:
    iamporter = published("iamporter")
    client = iamporter.Iamporter(sandbox.imp_key, sandbox.imp_secret, imp_url=sandbox.url)

    billing_key = client.create_billkey(customer_uid="c-1", customer_info={"name": "홍길동"}, **CARD)
    paid = client.create_payment(merchant_uid="order-1", customer_uid="c-1", name="주문", amount=10_000)
    partial = client.cancel_payment(imp_uid=paid["imp_uid"], amount=3_000, reason="변심")
    full = client.cancel_payment(merchant_uid="order-1", reason="변심")

    assert client.find_billkey("c-1") == billing_key
    assert (partial["cancel_amount"], full["cancel_amount"]) == (3_000, 10_000)
    assert client.find_payment(merchant_uid="order-1")["cancel_history"] == full["cancel_history"]
    client.delete_billkey("c-1")
    with pytest.raises(iamporter.errors.ImpApiError):
        client.find_billkey("c-1")
    with pytest.raises(iamporter.errors.ImpUnAuthorized):
        iamporter.Iamporter("wrong", "wrong", imp_url=sandbox.url)


def test_async_iamport_pays_finds_and_cancels(sandbox: SandboxServer) -> None:
    async_iamport = published("async_iamport.client")

    async def story() -> None:
        client = async_iamport.AsyncIamport(
            imp_key=sandbox.imp_key, imp_secret=sandbox.imp_secret, imp_url=sandbox.url, time_out=30
        )
        try:
            await client.prepare("order-1", 10_000)
            await client.adjust_prepare_amount("order-1", 9_000)
            await client.customer_create(customer_uid="c-1", **CARD)
            paid = await client.pay_again(customer_uid="c-1", merchant_uid="order-1", amount=9_000, name="주문")
            partial = await client.cancel("변심", imp_uid=paid["imp_uid"], amount=4_000, checksum=9_000)
            full = await client.cancel("변심", merchant_uid="order-1")
            assert (partial["cancel_amount"], full["cancel_amount"]) == (4_000, 9_000)
            assert await client.find(imp_uid=paid["imp_uid"]) == full
            assert (await client.find_by_status("cancelled"))["total"] == 1
            with pytest.raises(async_iamport.ResponseError):
                await client.pay_onetime(merchant_uid="order-2", amount=1_000, **REFUSED_CARD)
            await client.customer_delete("c-1")
            with pytest.raises(async_iamport.HttpError):
                await client.customer_get("c-1")
        finally:
            await client.close_session()

    with ThreadPoolExecutor(1) as pool:  # this thread may have the event loop of the browser tests
        pool.submit(lambda: asyncio.run(story())).result()


def test_django_iamport_prepares_reads_and_cancels(
    sandbox: SandboxServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAYMENT_REST_KEY, settings.PAYMENT_REST_SECRET = sandbox.imp_key, sandbox.imp_secret
    module = published("payment.iamport_rest")
    monkeypatch.setattr(module, "IAMPORT_API_ENDPOINT", f"{sandbox.url}/")  # it joins its URLs with two slashes
    payment = sandbox.create_payment(merchant_uid="order-1")
    client = module.IamportRest()

    assert client.auth()
    assert client.prepare("order-2", 1_000)
    assert client.payment(payment["imp_uid"])["amount"] == 10_000
    assert client.cancel(payment["imp_uid"], "order-1", "변심")
    assert not client.cancel(payment["imp_uid"], "order-1", "변심")
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 10_000


def test_key_in_payment_is_found_and_cancelled_in_parts(client: Any) -> None:
    paid = client.pay_onetime(merchant_uid="order-1", amount=10_000, **CARD)
    assert client.is_paid(10_000, imp_uid=paid["imp_uid"])
    assert client.find(merchant_uid="order-1")["imp_uid"] == paid["imp_uid"]

    partial = client.cancel("변심", imp_uid=paid["imp_uid"], amount=3_000, checksum=10_000)
    full = client.cancel_by_merchant_uid("order-1", "변심")

    assert (partial["status"], partial["cancel_amount"]) == ("cancelled", 3_000)
    assert full["cancel_amount"] == 10_000
    assert not client.is_paid(10_000, merchant_uid="order-1")
    with pytest.raises(Iamport.ResponseError) as refused:
        client.cancel("또", merchant_uid="order-1")
    assert (refused.value.code, refused.value.message) == (1, "이미 전액취소된 주문입니다.")


def test_prepared_amount_is_enforced(client: Any) -> None:
    client.prepare("order-1", 1_000)

    assert client.prepare_validate("order-1", 1_000)
    with pytest.raises(Iamport.ResponseError):
        client.pay_onetime(merchant_uid="order-1", amount=999, **CARD)


def test_order_is_paid_once(client: Any) -> None:
    client.pay_onetime(merchant_uid="order-1", amount=1_000, **CARD)

    with pytest.raises(Iamport.ResponseError):
        client.pay_onetime(merchant_uid="order-1", amount=1_000, **CARD)


def test_billing_key_pays_again(client: Any) -> None:
    created = client.customer_create(customer_uid="customer-1", **CARD)
    paid = client.pay_again(customer_uid="customer-1", merchant_uid="order-1", amount=1_000)

    assert created["card_number"] == "409202******1234"
    assert client.customer_get("customer-1")["customer_uid"] == "customer-1"
    assert (paid["status"], paid["customer_uid"]) == ("paid", "customer-1")
    client.customer_delete("customer-1")
    with pytest.raises(Iamport.HttpError) as missing:
        client.customer_get("customer-1")
    assert missing.value.code == 404


def test_refused_card_leaves_a_failed_payment(client: Any) -> None:
    with pytest.raises(Iamport.ResponseError) as error:
        client.pay_onetime(merchant_uid="order-1", amount=1_000, **REFUSED_CARD)

    assert error.value.code == -1
    assert client.find(merchant_uid="order-1")["status"] == "failed"


def test_foreign_card_and_virtual_account(client: Any, sandbox: SandboxServer) -> None:
    foreign = client.pay_foreign(merchant_uid="order-1", amount=1_000, **CARD)
    waiting = sandbox.create_payment(pay_method="vbank", status="ready", pg_provider="nice")

    revoked = client.revoke_vbank_by_imp_uid(waiting["imp_uid"])

    assert (foreign["status"], revoked["status"]) == ("paid", "failed")


def test_unknown_payment_and_wrong_secret(client: Any, sandbox: SandboxServer) -> None:
    stranger = Iamport("wrong", "wrong", imp_url=f"{sandbox.url}/")

    with pytest.raises(Iamport.HttpError) as missing:
        client.find(imp_uid="imp_unknown")
    with pytest.raises(Iamport.HttpError) as unauthorized:
        stranger.find(imp_uid="imp_unknown")

    assert (missing.value.code, unauthorized.value.code) == (404, 401)
