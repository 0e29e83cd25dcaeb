"""The simulated API: registered amounts, key-in payments, billing keys and virtual accounts."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from sandbox.server import clock, creation, lookup, store
from sandbox.server.banks import bank_names
from sandbox.server.envelope import FAILED, REFUSED_BY_IAMPORT, REFUSED_BY_PG, Answer, ApiRefusal
from sandbox.server.gate import Call, endpoint
from sandbox.server.models import Customer, Payment, Preparation
from sandbox.server.params import Params
from sandbox.server.wire import JsonDict, payment_json

BUYER_FIELDS = (
    "name",
    "buyer_name",
    "buyer_email",
    "buyer_tel",
    "buyer_addr",
    "buyer_postcode",
    "custom_data",
)
CARD_DIGITS = re.compile(r"\d{15,16}")
REFUSED_CARD_PREFIX = "0000"  # card numbers that start with it are refused, to test failures


def _prepare(call: Call) -> Answer:
    merchant_uid, amount = _order(call.params)
    with store.write():
        Preparation.objects.update_or_create(merchant_uid=merchant_uid, defaults={"amount": amount})
    return Answer({"merchant_uid": merchant_uid, "amount": amount})


def _prepared(call: Call) -> Answer:
    found = Preparation.objects.filter(merchant_uid=call.path["merchant_uid"]).first()
    if found is None:
        raise ApiRefusal(FAILED, "사전 등록된 결제정보가 없습니다.", 404)
    return Answer({"merchant_uid": found.merchant_uid, "amount": found.amount})


def _onetime(call: Call) -> Answer:
    number = _card_number(call.params)
    customer_uid = call.params.text("customer_uid")
    payment = _pay_by_card(call.params, number, customer_uid)
    if customer_uid:
        _save_customer(call.params, customer_uid, number)
    return Answer(payment_json(payment))


def _again(call: Call) -> Answer:
    customer = _customer_or_404(call.params.text("customer_uid"))
    return Answer(payment_json(_pay_by_card(call.params, customer.card_number, customer.customer_uid)))


def _customer_get(call: Call) -> Answer:
    return Answer(_customer_json(_customer_or_404(call.path["customer_uid"])))


def _customer_post(call: Call) -> Answer:
    number = _card_number(call.params)
    if number.startswith(REFUSED_CARD_PREFIX):
        raise ApiRefusal(REFUSED_BY_PG, "카드정보 인증에 실패하였습니다. [카드번호 오류]")
    return Answer(_customer_json(_save_customer(call.params, call.path["customer_uid"], number)))


def _customer_delete(call: Call) -> Answer:
    customer = _customer_or_404(call.path["customer_uid"])
    with store.write():
        Customer.objects.filter(pk=customer.pk).delete()
    return Answer(_customer_json(customer))


def _issue_vbank(call: Call) -> Answer:
    merchant_uid, amount = _order(call.params)
    code = call.params.text("vbank_code")
    if code not in bank_names():
        raise ApiRefusal(REFUSED_BY_IAMPORT, "지원하지 않는 은행코드(vbank_code)입니다.")
    fields: JsonDict = {
        "merchant_uid": merchant_uid,
        "amount": amount,
        "pay_method": "vbank",
        "status": Payment.Status.READY,
        "pg_provider": call.params.text("pg").split(".")[0] or "html5_inicis",
        "vbank_code": code,
        "vbank_name": bank_names()[code],
        "vbank_date": call.params.integer("vbank_due", 0),
        **_given(call.params, (*BUYER_FIELDS, "vbank_holder")),
    }
    return Answer(payment_json(creation.add_payment(creation.new_payment(fields))))


def _revoke_vbank(call: Call) -> Answer:
    with store.write():
        payment = lookup.by_imp_uid(call.params, call.path["imp_uid"])
        if payment.pay_method != "vbank" or payment.status != Payment.Status.READY:
            raise ApiRefusal(REFUSED_BY_IAMPORT, "말소할 수 있는 가상계좌가 아닙니다.")
        payment.status = Payment.Status.FAILED
        payment.failed_at = clock.now()
        payment.fail_reason = "가상계좌 말소"
        payment.touch(clock.now())
        payment.save()
    return Answer(payment_json(payment))


def _order(params: Params) -> tuple[str, Decimal]:
    merchant_uid, amount = params.text("merchant_uid"), params.amount("amount")
    if not merchant_uid or not amount:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "merchant_uid와 amount는 필수입니다.")
    return merchant_uid, amount


def _card_number(params: Params) -> str:
    number = params.text("card_number").replace("-", "").replace(" ", "")
    if not CARD_DIGITS.fullmatch(number) or not params.text("expiry"):
        raise ApiRefusal(REFUSED_BY_IAMPORT, "카드번호(card_number)와 유효기간(expiry)을 확인하세요.")
    return number


def _pay_by_card(params: Params, number: str, customer_uid: str) -> Payment:
    merchant_uid, amount = _order(params)
    _check_order(merchant_uid, amount)
    refused = number.startswith(REFUSED_CARD_PREFIX)
    fields: JsonDict = {
        "merchant_uid": merchant_uid,
        "amount": amount,
        "customer_uid": customer_uid,
        "currency": params.text("currency").upper() or "KRW",
        "pg_provider": params.text("pg").split(".")[0] or "nice",
        "channel": "api",
        "card_number": _masked(number),
        "card_quota": params.integer("card_quota", 0),
        "status": Payment.Status.FAILED if refused else Payment.Status.PAID,
        "fail_reason": "카드번호 오류" if refused else "",
        "tax_free": params.amount("tax_free") or Decimal(0),
        "vat_amount": params.amount("vat_amount"),
        **_given(params, BUYER_FIELDS),
    }
    payment = creation.add_payment(creation.new_payment(fields), notify=not refused)
    if refused:
        raise ApiRefusal(REFUSED_BY_PG, "카드정보 인증 및 결제에 실패하였습니다. [카드번호 오류]")
    return payment


def _check_order(merchant_uid: str, amount: Decimal) -> None:
    prepared = Preparation.objects.filter(merchant_uid=merchant_uid).first()
    if prepared is not None and prepared.amount != amount:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "사전 등록된 결제금액과 일치하지 않습니다.")
    if Payment.objects.filter(merchant_uid=merchant_uid, paid_at__gt=0).exists():
        raise ApiRefusal(REFUSED_BY_IAMPORT, "이미 결제된 merchant_uid입니다.")


def _given(params: Params, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: params.text(name) for name in names if params.text(name)}


def _masked(number: str) -> str:
    return f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}"


def _save_customer(params: Params, customer_uid: str, number: str) -> Customer:
    now = clock.now()
    names = ("customer_name", "customer_tel", "customer_email", "customer_addr", "customer_postcode")
    with store.write():
        customer, _ = Customer.objects.get_or_create(
            customer_uid=customer_uid, defaults={"inserted": now, "card_number": _masked(number)}
        )
        customer.card_number = _masked(number)
        customer.details = {name: params.text(name) or None for name in names}
        customer.updated = now
        customer.save()
    return customer


def _customer_or_404(customer_uid: str) -> Customer:
    customer = Customer.objects.filter(customer_uid=customer_uid).first()
    if customer is None:
        raise ApiRefusal(FAILED, "등록되지 않은 구매자입니다.", 404)
    return customer


def _customer_json(customer: Customer) -> JsonDict:
    return {
        "customer_uid": customer.customer_uid,
        "pg_provider": "nice",
        "pg_id": "nictest04m",
        "customer_id": "",
        "card_name": "신한카드",
        "card_code": "366",
        "card_number": customer.card_number,
        "card_type": 0,
        **customer.details,
        "inserted": customer.inserted,
        "updated": customer.updated,
    }


prepare = endpoint("prepare", post=_prepare, put=_prepare)
prepared = endpoint("prepare", get=_prepared)
onetime = endpoint("onetime", post=_onetime)
again = endpoint("again", post=_again)
foreign = endpoint("foreign", post=_onetime)
customers = endpoint("customers", get=_customer_get, post=_customer_post, delete=_customer_delete)
vbanks = endpoint("vbanks", post=_issue_vbank)
vbank = endpoint("vbanks", delete=_revoke_vbank)
