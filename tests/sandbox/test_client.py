"""The unchanged PyPI client `iamport-rest-client` works against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from iamport import Iamport

from tests.sandbox_server import SandboxServer

CARD = {"card_number": "4092-0230-1234-1234", "expiry": "2030-12", "birth": "880101", "pwd_2digit": "00"}


@pytest.fixture
def client(sandbox: SandboxServer) -> Any:
    return Iamport(sandbox.imp_key, sandbox.imp_secret, imp_url=f"{sandbox.url}/")


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
    refused = {**CARD, "card_number": "0000-0000-0000-0000"}

    with pytest.raises(Iamport.ResponseError) as error:
        client.pay_onetime(merchant_uid="order-1", amount=1_000, **refused)

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
