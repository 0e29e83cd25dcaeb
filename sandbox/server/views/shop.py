"""The simulated API: registered amounts, virtual accounts, channels and escrow deliveries."""

from __future__ import annotations

from typing import Any

from sandbox.server import billing, clock, creation, lookup, store
from sandbox.server.banks import bank_names
from sandbox.server.envelope import FAILED, REFUSED_BY_IAMPORT, Answer, ApiRefusal
from sandbox.server.gate import Call, endpoint
from sandbox.server.models import Payment, Preparation
from sandbox.server.wire import JsonDict, read_json

CHANNELS = (("html5_inicis", "INIpayTest"), ("nice", "nictest04m"))
LOGIS_FIELDS = ("company", "invoice", "sent_at")
ESCROW_PGS = {"html5_inicis", "kcp", "daou", "tosspayments", "nice_v2", "smartro_v2", "welcome"}


def _prepare(call: Call) -> Answer:
    order = billing.read_order(call.params)
    known = Preparation.objects.filter(merchant_uid=order["merchant_uid"])
    if call.method == "PUT" and not known.exists():
        raise ApiRefusal(FAILED, "사전 등록된 결제정보가 없습니다.", 404)
    currency = order["currency"] if call.params.text("currency") else ""
    values = {"amount": order["amount"], "currency": currency}
    with store.write():
        found, _ = Preparation.objects.update_or_create(merchant_uid=order["merchant_uid"], defaults=values)
    return Answer(_prepared_json(found))


def _prepared(call: Call) -> Answer:
    found = Preparation.objects.filter(merchant_uid=call.path["merchant_uid"]).first()
    if found is None:
        raise ApiRefusal(FAILED, "사전 등록된 결제정보가 없습니다.", 404)
    return Answer(_prepared_json(found))


def _prepared_json(found: Preparation) -> JsonDict:
    return {"merchant_uid": found.merchant_uid, "amount": found.amount, "currency": found.currency or None}


def _issue_vbank(call: Call) -> Answer:
    order = billing.read_order(call.params)
    code = call.params.text("vbank_code")
    if code not in bank_names():
        raise ApiRefusal(REFUSED_BY_IAMPORT, "지원하지 않는 은행코드(vbank_code)입니다.")
    if billing.is_paid(order["merchant_uid"]):
        raise ApiRefusal(REFUSED_BY_IAMPORT, "이미 결제된 merchant_uid입니다.")
    fields: JsonDict = {
        **order,
        "pay_method": "vbank",
        "status": Payment.Status.READY,
        "pg_provider": call.params.text("pg").split(".")[0] or "html5_inicis",
        "vbank_code": code,
        "vbank_name": bank_names()[code],
        "vbank_num": call.params.text("vbank_num"),
        "vbank_date": call.params.integer("vbank_due", 0),
        "vbank_holder": call.params.text("vbank_holder"),
        "tax_free": call.params.amount("tax_free") or 0,
        "vat_amount": call.params.amount("vat_amount"),
    }
    return Answer(read_json(creation.add_payment(creation.new_payment(fields))))


def _change_vbank(call: Call) -> Answer:
    with store.write():
        payment = _waiting_vbank(call)
        if payment.pg_provider != "settle":
            raise ApiRefusal(REFUSED_BY_IAMPORT, "가상계좌 수정을 지원하지 않는 PG사입니다.", 400)
        payment.amount = call.params.amount("amount") or payment.amount
        payment.vbank_date = call.params.integer("vbank_due", payment.vbank_date)
        payment.touch(clock.now())
        payment.save()
    return Answer(read_json(payment))


def _revoke_vbank(call: Call) -> Answer:
    with store.write():
        payment = _waiting_vbank(call)
        if payment.pg_provider == "html5_inicis" and not call.params.text("pg_api_key"):
            raise ApiRefusal(REFUSED_BY_IAMPORT, "hashData 검증에 실패하였습니다. (pg_api_key)", 400)
        payment.status = Payment.Status.FAILED
        payment.failed_at = clock.now()
        payment.fail_reason = "가상계좌 말소"
        payment.touch(clock.now())
        payment.save()
    return Answer(read_json(payment))


def _waiting_vbank(call: Call) -> Payment:
    payment = lookup.by_imp_uid(call.params, call.path["imp_uid"])
    if payment.pay_method != "vbank" or payment.status != Payment.Status.READY:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "입금대기 상태의 가상계좌가 아닙니다.", 400)
    return payment


def _channels(_call: Call) -> Answer:
    used = Payment.objects.order_by().values_list("pg_provider", "pg_id", "sandbox").distinct()
    known = {*((pg, pg_id, False) for pg, pg_id in CHANNELS), *used}
    return Answer([_channel_json(*channel) for channel in sorted(known)])


def _channel_json(pg: str, pg_id: str, sandbox: bool) -> JsonDict:
    key = f"channel-key-{pg}-{'test' if sandbox else 'live'}"
    return {
        "pg_provider": pg,
        "pg_id": pg_id,
        "sandbox": sandbox,
        "type": "payment",
        "channel_name": pg,
        "channel_key": key,
    }


def _logis(call: Call) -> Answer:
    payment = _escrow_payment(call)
    if payment.escrow_logis is None:
        raise ApiRefusal(FAILED, "등록된 배송정보가 존재하지 않습니다.", 409)
    return Answer(payment.escrow_logis)


def _register_logis(call: Call) -> Answer:
    payment = _escrow_payment(call)
    logis: Any = call.params.values.get("logis")
    if not isinstance(logis, dict) or not all(logis.get(name) for name in LOGIS_FIELDS):
        raise ApiRefusal(FAILED, "배송정보(logis)가 누락되었습니다.", 400)
    if (payment.escrow_logis is None) == (call.method == "PUT"):
        raise ApiRefusal(FAILED, "배송정보를 등록하거나 수정할 수 없는 거래입니다.", 409)
    with store.write():
        body = {name: logis[name] for name in LOGIS_FIELDS} | {"applied_at": clock.now()}
        Payment.objects.filter(pk=payment.pk).update(escrow_logis=body)
    return Answer(body)


def _escrow_payment(call: Call) -> Payment:
    payment = lookup.by_imp_uid(call.params, call.path["imp_uid"])
    if not payment.escrow or payment.pg_provider not in ESCROW_PGS:
        raise ApiRefusal(FAILED, "에스크로 배송정보를 지원하지 않는 거래입니다.", 400)
    return payment


prepare = endpoint("prepare", post=_prepare, put=_prepare)
prepared = endpoint("prepare", get=_prepared)
vbanks = endpoint("vbanks", post=_issue_vbank)
vbank = endpoint("vbanks", put=_change_vbank, delete=_revoke_vbank)
channels = endpoint("channels", get=_channels)
logis = endpoint("escrows", get=_logis, post=_register_logis, put=_register_logis)
