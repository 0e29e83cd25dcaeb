"""Payments without a payment window: by card number, and with billing keys."""

from __future__ import annotations

import re
from typing import Any

from sandbox.server import clock, creation, store
from sandbox.server.envelope import FAILED, REFUSED_BY_IAMPORT, REFUSED_BY_PG, ApiRefusal
from sandbox.server.models import Customer, Payment, Preparation
from sandbox.server.params import Params
from sandbox.server.wire import JsonDict

ORDER_FIELDS = (
    "name", "buyer_name", "buyer_email", "buyer_tel", "buyer_addr", "buyer_postcode", "custom_data", "notice_url",
)  # fmt: skip
CUSTOMER_FIELDS = ("customer_name", "customer_tel", "customer_email", "customer_addr", "customer_postcode")
CARD_DIGITS = re.compile(r"\d{15,16}")
EXPIRY = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
# Card numbers that start so: the card does not exist, or the payment is declined (code 0, status failed).
UNKNOWN_CARD, DECLINED_CARD = "0000", "1111"
EXPIRED = "카드정보 인증 및 결제에 실패하였습니다. [유효기간 경과 카드]"
UNKNOWN = "카드정보 인증 및 결제에 실패하였습니다. [카드번호 오류]"


def read_card(params: Params) -> Customer:
    """Read the card of a request into an unsaved billing key; refuse malformed, unknown and expired ones."""
    number = params.text("card_number").replace("-", "").replace(" ", "")
    expiry = params.text("expiry")
    if not CARD_DIGITS.fullmatch(number) or not EXPIRY.fullmatch(expiry):
        raise ApiRefusal(REFUSED_BY_IAMPORT, "카드번호(card_number)와 유효기간(expiry)을 확인하세요.")
    masked = f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}"
    pg = params.text("pg").split(".")[0] or "nice"
    return Customer(card_number=masked, card_check=number[:4], expiry=expiry, pg_provider=pg)


def check_card(card: Customer) -> None:
    """Refuse a card that does not exist or has expired (Seoul time)."""
    if card.card_check == UNKNOWN_CARD:
        raise ApiRefusal(REFUSED_BY_PG, UNKNOWN)
    if card.expiry < clock.seoul(clock.now()).strftime("%Y-%m"):
        raise ApiRefusal(REFUSED_BY_PG, EXPIRED)


def save_customer(params: Params, customer_uid: str, card: Customer) -> Customer:
    """Store a billing key, or replace its card."""
    now = clock.now()
    with store.write():
        known = Customer.objects.filter(customer_uid=customer_uid).first()
        card.pk = known.pk if known else None
        card.customer_uid = customer_uid
        card.inserted = known.inserted if known else now
        card.updated = now
        card.details = {name: params.text(name) or None for name in CUSTOMER_FIELDS}
        card.save()
    return card


def find_customer(customer_uid: str) -> Customer:
    """Return a billing key, or refuse with 404."""
    customer = Customer.objects.filter(customer_uid=customer_uid).first()
    if customer is None:
        raise ApiRefusal(FAILED, "등록되지 않은 구매자입니다.", 404)
    return customer


def pay(params: Params, card: Customer, *, customer_uid: str = "", usage: str = "") -> Payment:
    """Pay an order. A bad card leaves a failed payment and refuses; a declined one is a failed payment."""
    order = read_order(params)
    _check_order(order)
    fields: JsonDict = {
        **order,
        "customer_uid": customer_uid,
        "customer_uid_usage": usage,
        "pg_provider": card.pg_provider,
        "channel": "api",
        "card_number": card.card_number,
        "card_quota": params.integer("card_quota", 0),
        "tax_free": params.amount("tax_free") or 0,
        "vat_amount": params.amount("vat_amount"),
    }
    try:
        check_card(card)
    except ApiRefusal as refusal:
        _store_failed(fields, refusal.answer.message or "")
        raise
    if card.card_check == DECLINED_CARD:
        return _store_failed(fields, "한도초과")
    return creation.add_payment(creation.new_payment(fields))


def read_order(params: Params) -> JsonDict:
    """Return the order of a request; merchant_uid and amount are required."""
    merchant_uid, amount = params.text("merchant_uid"), params.amount("amount")
    if not merchant_uid or not amount:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "merchant_uid와 amount는 필수입니다.")
    given = {name: params.text(name) for name in ORDER_FIELDS if params.text(name)}
    currency = params.text("currency").upper() or "KRW"
    return {"merchant_uid": merchant_uid, "amount": amount, "currency": currency, **given}


def is_paid(merchant_uid: str) -> bool:
    """Tell whether an order was paid before."""
    return Payment.objects.filter(merchant_uid=merchant_uid, paid_at__gt=0).exists()


def customer_json(customer: Customer) -> JsonDict:
    """Return a billing key as the API shows it."""
    return {
        "customer_uid": customer.customer_uid,
        "pg_provider": customer.pg_provider,
        "pg_id": "nictest04m",
        "sandbox": False,
        "customer_id": "",
        "card_name": "신한카드",
        "card_code": "366",
        "card_issuer_code": None,
        "card_issuer_name": None,
        "card_publisher_code": None,
        "card_publisher_name": None,
        "card_number": customer.card_number,
        "card_type": 0,
        **customer.details,
        "inserted": customer.inserted,
        "updated": customer.updated,
    }


def _check_order(order: JsonDict) -> None:
    prepared = Preparation.objects.filter(merchant_uid=order["merchant_uid"]).first()
    if prepared is not None:
        same_currency = prepared.currency in {"", order["currency"]}
        if prepared.amount != order["amount"] or not same_currency:
            raise ApiRefusal(REFUSED_BY_IAMPORT, "사전 등록된 결제금액과 일치하지 않습니다.")
    if is_paid(order["merchant_uid"]):
        raise ApiRefusal(REFUSED_BY_IAMPORT, "이미 결제된 merchant_uid입니다.")


def _store_failed(fields: dict[str, Any], reason: str) -> Payment:
    failed = {**fields, "status": Payment.Status.FAILED, "fail_reason": reason}
    return creation.add_payment(creation.new_payment(failed), notify=False)
