"""Naver Pay orders (naverco): each product order is cancelled and returned on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.server import cancels, ledger
from sandbox.server.models import Payment

ProductOrder = dict[str, Any]

UNSENT = {"PAYED"}
SENT = {"DELIVERING", "DELIVERED"}


@dataclass(frozen=True)
class Operation:
    """One thing to do with a product order: when it is possible, and what it changes."""

    possible: Callable[[ProductOrder], bool]
    changes: ProductOrder
    gives_money_back: bool = False
    required: tuple[str, ...] = ()  # parameters without which the call is refused


def _claims(kind: str, *states: str) -> Callable[[ProductOrder], bool]:
    return lambda order: order.get("claim_type") == kind and order.get("claim_status") in states


OPERATIONS: dict[str, Operation] = {
    "cancel": Operation(
        lambda order: order["product_order_status"] in UNSENT and not order.get("claim_type"),
        {"product_order_status": "CANCELED", "claim_type": "CANCEL", "claim_status": "CANCEL_DONE"},
        gives_money_back=True,
    ),
    "approve-cancel": Operation(
        _claims("CANCEL", "CANCEL_REQUEST"),
        {"product_order_status": "CANCELED", "claim_status": "CANCEL_DONE"},
        gives_money_back=True,
    ),
    "request-return": Operation(
        lambda order: order["product_order_status"] in SENT and not order.get("claim_type"),
        {"claim_type": "RETURN", "claim_status": "RETURN_REQUEST"},
        required=("delivery_method",),
    ),
    "approve-return": Operation(
        _claims("RETURN", "RETURN_REQUEST", "COLLECT_DONE"),
        {"product_order_status": "RETURNED", "claim_status": "RETURN_DONE"},
        gives_money_back=True,
    ),
    "reject-return": Operation(
        _claims("RETURN", "RETURN_REQUEST", "COLLECT_DONE", "RETURN_HOLDBACK"),
        {"claim_status": "RETURN_REJECT"},
        required=("memo",),
    ),
    "withhold-return": Operation(
        _claims("RETURN", "RETURN_REQUEST", "COLLECT_DONE"), {"claim_status": "RETURN_HOLDBACK"}, required=("memo",)
    ),
    "resolve-return": Operation(_claims("RETURN", "RETURN_HOLDBACK"), {"claim_status": "RETURN_REQUEST"}),
}


def of(payment: Payment) -> list[ProductOrder]:
    """Return the product orders of a payment; one for everything if none were given."""
    given = payment.product_orders or [{"product_amount": int(payment.amount)}]
    return [_complete(payment, number, order) for number, order in enumerate(given, start=1)]


def apply(payment: Payment, operation: Operation, wanted: list[str], reason: str) -> list[ProductOrder]:
    """Do it with the wanted product orders (none: all) and return those that were done. Call it inside a write."""
    orders = of(payment)
    done: list[ProductOrder] = []
    for order in orders:
        if (wanted and order["product_order_id"] not in wanted) or not operation.possible(order):
            continue
        order.update(operation.changes)
        done.append(order)
    payment.product_orders = orders
    payment.save()
    if operation.gives_money_back and done:
        back = sum(Decimal(order["product_amount"] + order["delivery_amount"]) for order in done)
        cancels.cancel_in_console(payment, min(Decimal(back), ledger.balance_of(payment).asked), reason)
    return done


def _complete(payment: Payment, number: int, order: ProductOrder) -> ProductOrder:
    return {
        "product_order_id": f"{payment.imp_uid}-{number}",
        "product_order_status": "PAYED",
        "claim_type": None,
        "claim_status": None,
        "product_id": str(number),
        "product_name": payment.name,
        "product_option_id": "",
        "product_option_name": "",
        "product_amount": 0,
        "delivery_amount": 0,
        "quantity": 1,
        **order,
    }
