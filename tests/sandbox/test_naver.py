"""Naver Pay: product orders, and the amount for cash receipts."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Cancel
from tests.sandbox_server import JSON, SandboxServer

ORDERS = [
    {"product_order_id": "a", "product_amount": 4_000},
    {"product_order_id": "b", "product_amount": 5_000, "delivery_amount": 1_000, "product_order_status": "DELIVERED"},
]


@pytest.fixture
def imp_uid(sandbox: SandboxServer) -> str:
    payment = sandbox.create_payment(pg_provider="naverco", pay_method="naverpay", product_orders=ORDERS)
    return str(payment["imp_uid"])


def test_product_orders_are_read(sandbox: SandboxServer, imp_uid: str) -> None:
    listed = sandbox.api("GET", f"payments/{imp_uid}/naver/product-orders").json()["response"]

    assert [(order["product_order_id"], order["product_order_status"]) for order in listed] == [
        ("a", "PAYED"),
        ("b", "DELIVERED"),
    ]
    assert sandbox.api("GET", "naver/product-orders/b").json()["response"] == listed[1]
    assert sandbox.api("GET", "naver/product-orders/z").status_code == 404
    assert sandbox.api("GET", "payments/imp_unknown/naver/product-orders").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "status", "done"), [(["a"], 200, ["a"]), ([], 207, ["a"]), (["a", "b"], 207, ["a"]), (["b"], 500, [])]
)
def test_seller_cancels_what_is_not_sent(
    sandbox: SandboxServer, imp_uid: str, wanted: list[str], status: int, done: list[str]
) -> None:
    answer = sandbox.api("POST", f"payments/{imp_uid}/naver/cancel", data={"product_order_id[]": wanted})

    assert answer.status_code == status
    assert [order["product_order_id"] for order in answer.json()["response"] or []] == done
    assert sandbox.payment(imp_uid)["cancel_amount"] == (4_000 if done else 0)


def test_cancel_of_the_buyer_is_approved(sandbox: SandboxServer, imp_uid: str) -> None:
    asked = [{**ORDERS[0], "claim_type": "CANCEL", "claim_status": "CANCEL_REQUEST"}, ORDERS[1]]
    sandbox.patch(imp_uid, product_orders=asked)

    answer = sandbox.api("POST", f"payments/{imp_uid}/naver/approve-cancel", json={"product_order_id": ["a"]})

    assert answer.json()["response"][0]["product_order_status"] == "CANCELED"
    assert sandbox.api("POST", f"payments/{imp_uid}/naver/approve-cancel").status_code == 500


def test_return_is_opened_withheld_resolved_and_approved(sandbox: SandboxServer, imp_uid: str) -> None:
    def post(operation: str, **body: str) -> int:
        body = {"product_order_id": "b", **body}
        return sandbox.api("POST", f"payments/{imp_uid}/naver/{operation}", json=body).status_code

    statuses = [
        post("request-return"),
        post("request-return", delivery_method="RETURN_DELIVERY"),
        post("request-return", delivery_method="RETURN_INDIVIDUAL"),
        post("withhold-return"),
        post("withhold-return", memo="배송비"),
        post("resolve-return"),
        post("reject-return"),
        post("approve-return"),
    ]

    assert statuses == [400, 400, 200, 400, 200, 200, 400, 200]
    assert sandbox.payment(imp_uid)["cancel_amount"] == 6_000


def test_payments_cancel_does_not_take_orders(sandbox: SandboxServer, cancel: Cancel, imp_uid: str) -> None:
    assert cancel(imp_uid=imp_uid, reason="변심")["code"] == 1


def test_cash_amount_is_naverpays_alone(sandbox: SandboxServer) -> None:
    fields: JSON = {"pg_provider": "naverpay", "other_means": {"secondary": {"supply": 1_000}}}
    payment, card = sandbox.create_payment(**fields), sandbox.create_payment()

    amounts = sandbox.api("GET", f"payments/{payment['imp_uid']}/naver/cash-amount").json()["response"]

    assert amounts == {
        "amount_total": 10_000,
        "amount_by_npoint": 1_000,
        "amount_by_primary": 9_000,
        "amount_supply": 9_091,
        "amount_vat": 909,
    }
    assert sandbox.api("GET", f"payments/{card['imp_uid']}/naver/cash-amount").status_code == 400
