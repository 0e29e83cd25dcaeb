"""Registered amounts, virtual accounts, channels, escrow deliveries and cash receipts."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import NOON, Cancel
from tests.sandbox_server import JSON, SandboxServer


def test_registered_amount_is_changed_only_if_it_exists(sandbox: SandboxServer) -> None:
    body = {"merchant_uid": "order-1", "amount": 1_000, "currency": "KRW"}

    missing = sandbox.api("PUT", "payments/prepare", json=body)
    sandbox.api("POST", "payments/prepare", data=body)
    changed = sandbox.api("PUT", "payments/prepare", json={**body, "amount": 2_000})

    assert (missing.status_code, changed.status_code) == (404, 200)
    assert sandbox.api("GET", "payments/prepare/order-1").json()["response"] == {**body, "amount": 2_000}
    assert sandbox.api("GET", "payments/prepare/order-9").status_code == 404


@pytest.mark.parametrize(
    ("fields", "query", "put", "delete"),
    [
        ({"pg_provider": "settle"}, "", 200, 200),
        ({"pg_provider": "nice"}, "", 400, 200),
        ({"pg_provider": "html5_inicis"}, "", 400, 400),
        ({"pg_provider": "html5_inicis"}, "?pg_api_key=k", 400, 200),
        ({"pg_provider": "settle", "status": "paid"}, "", 400, 400),
        ({"pg_provider": "settle", "pay_method": "card"}, "", 400, 400),
    ],
)
def test_unpaid_virtual_account_is_changed_or_revoked(
    sandbox: SandboxServer, fields: JSON, query: str, put: int, delete: int
) -> None:
    payment = sandbox.create_payment(**{"pay_method": "vbank", "status": "ready", **fields})
    path = f"vbanks/{payment['imp_uid']}"

    changed = sandbox.api("PUT", path, json={"amount": 7_000, "vbank_due": NOON + 60})
    revoked = sandbox.api("DELETE", path + query)

    assert (changed.status_code, revoked.status_code) == (put, delete)
    assert sandbox.payment(payment["imp_uid"])["status"] == ("failed" if delete == 200 else payment["status"])
    assert sandbox.api("DELETE", "vbanks/imp_unknown").status_code == 404


def test_channels_are_those_in_use(sandbox: SandboxServer) -> None:
    sandbox.create_payment(pg_provider="kcp", pg_id="T0000", sandbox=True)

    channels = sandbox.api("GET", "users/pg").json()["response"]

    assert ("kcp", "T0000", True) in {(found["pg_provider"], found["pg_id"], found["sandbox"]) for found in channels}


def test_escrow_delivery_is_registered_once_and_read(sandbox: SandboxServer) -> None:
    imp_uid = sandbox.create_payment(escrow=True)["imp_uid"]
    path, body = f"escrows/logis/{imp_uid}", {"logis": {"company": "CJ", "invoice": "123", "sent_at": NOON}}

    statuses = [
        sandbox.api(method, path, json=body).status_code for method in ("GET", "PUT", "POST", "POST", "PUT", "GET")
    ]
    card = sandbox.create_payment()["imp_uid"]

    assert statuses == [409, 409, 200, 409, 200, 200]
    assert sandbox.api("GET", f"escrows/logis/{card}").status_code == 400
    assert sandbox.api("GET", "escrows/logis/imp_unknown").status_code == 404


def test_cash_receipt_covers_the_rest_and_is_cancelled_on_its_own(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(pay_method="trans", pg_provider="nice")
    cancel(imp_uid=payment["imp_uid"], amount=4_000)
    path = f"receipts/{payment['imp_uid']}"

    none = sandbox.api("GET", path).status_code
    issued = sandbox.api("POST", path, json={"identifier": "01012345678"}).json()["response"]
    again = sandbox.api("POST", path, data={"identifier": "01012345678"}).status_code
    cancel(imp_uid=payment["imp_uid"])
    kept = sandbox.api("GET", path).json()["response"]
    cancelled = sandbox.api("DELETE", path).json()["response"]

    assert (none, again) == (404, 400)
    assert (issued["amount"], issued["vat"], issued["type"]) == (6_000, 545, "person")
    assert (kept["cancelled_at"], cancelled["cancelled_at"]) == (0, NOON)
    assert sandbox.api("DELETE", path).status_code == 400


@pytest.mark.parametrize(
    ("fields", "body", "post", "delete"),
    [
        ({"pay_method": "trans", "pg_provider": "nice"}, {}, 400, 400),
        ({"pay_method": "card"}, {"identifier": "1"}, 400, 400),
        ({"pay_method": "vbank", "status": "ready", "pg_provider": "kcp"}, {"identifier": "1"}, 400, 400),
        ({"pay_method": "trans", "pg_provider": "galaxia"}, {"identifier": "1"}, 501, 501),
        ({"pay_method": "trans", "pg_provider": "kicc"}, {"identifier": "1"}, 200, 501),
    ],
)
def test_cash_receipt_that_cannot_be_issued_or_cancelled(
    sandbox: SandboxServer, fields: JSON, body: JSON, post: int, delete: int
) -> None:
    path = f"receipts/{sandbox.create_payment(**fields)['imp_uid']}"

    assert sandbox.api("POST", path, json=body).status_code == post
    assert sandbox.api("DELETE", path).status_code == delete


def test_cash_receipt_for_cash_paid_elsewhere(sandbox: SandboxServer) -> None:
    path, body = "receipts/external/cash-1", {"name": "현금", "amount": 1_100, "identifier": "1", "type": "company"}

    statuses = [
        sandbox.api(method, path, json=body).status_code
        for method in ("GET", "DELETE", "POST", "POST", "GET", "DELETE", "DELETE")
    ]

    assert statuses == [404, 404, 200, 400, 200, 200, 404]
