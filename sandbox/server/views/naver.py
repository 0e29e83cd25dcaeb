"""The simulated API of Naver Pay: product orders (naverco) and the amount for cash receipts (naverpay)."""

from __future__ import annotations

from decimal import Decimal

from sandbox.server import ledger, lookup, store
from sandbox.server import product_orders as orders
from sandbox.server.envelope import FAILED, Answer, ApiRefusal
from sandbox.server.gate import Call, endpoint
from sandbox.server.models import Payment

NOT_FOUND = "네이버페이 주문형 거래를 찾을 수 없습니다."
DELIVERY_METHODS = {"RETURN_DESIGNATED", "RETURN_DELIVERY", "RETURN_INDIVIDUAL"}


def _product_orders(call: Call) -> Answer:
    return Answer(orders.of(_order_payment(call)))


def _product_order(call: Call) -> Answer:
    wanted = call.path["product_order_id"]
    for payment in lookup.visible(call.params).filter(pg_provider="naverco"):
        for order in orders.of(payment):
            if order["product_order_id"] == wanted:
                return Answer(order)
    raise ApiRefusal(FAILED, NOT_FOUND, 404)


def _operate(call: Call) -> Answer:
    operation = orders.OPERATIONS.get(call.path["operation"])
    if operation is None:
        raise ApiRefusal(FAILED, "Not Found", 404)
    with store.write():
        payment = _order_payment(call)
        _check_parameters(call, operation)
        wanted = call.params.items("product_order_id")
        asked = len(set(wanted)) or len(orders.of(payment))
        done = orders.apply(payment, operation, wanted, call.params.text("reason"))
    if not done:
        raise ApiRefusal(FAILED, "처리에 성공한 상품주문이 없습니다.", 500)
    return Answer(done, http_status=200 if len(done) == asked else 207)


def _check_parameters(call: Call, operation: orders.Operation) -> None:
    method = call.params.text("delivery_method")
    missing = [name for name in operation.required if not call.params.text(name)]
    if "delivery_method" in operation.required and method not in DELIVERY_METHODS:
        missing.append("delivery_method")
    if method == "RETURN_DELIVERY":
        missing += [name for name in ("delivery_company", "tracking_number") if not call.params.text(name)]
    if missing:
        raise ApiRefusal(FAILED, f"{missing[0]} 파라미터가 누락되거나 올바르지 않습니다.", 400)


def _cash_amount(call: Call) -> Answer:
    payment = lookup.visible(call.params).filter(imp_uid=call.path["imp_uid"]).first()
    if payment is None or payment.pg_provider != "naverpay":
        raise ApiRefusal(FAILED, "네이버페이 결제형 거래가 아닙니다.", 400)
    left = ledger.balance_of(payment)
    points = sum(Decimal(str(part)) for part in (payment.other_means or {}).get("secondary", {}).values())
    points = min(Decimal(points), left.paid)
    return Answer(
        {
            "amount_total": left.paid,
            "amount_by_npoint": points,
            "amount_by_primary": left.paid - points,
            "amount_supply": left.paid - left.vat,
            "amount_vat": left.vat,
        }
    )


def _order_payment(call: Call) -> Payment:
    payment = lookup.visible(call.params).filter(imp_uid=call.path["imp_uid"], pg_provider="naverco").first()
    if payment is None:
        raise ApiRefusal(FAILED, NOT_FOUND, 404)
    return payment


product_orders = endpoint("naver", get=_product_orders)
product_order = endpoint("naver", get=_product_order)
operation = endpoint("naver", post=_operate)
cash_amount = endpoint("naver", get=_cash_amount)
