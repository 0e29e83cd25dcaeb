"""The simulated API: tokens, reading payments and cancelling them."""

from __future__ import annotations

from sandbox.server import cancels, lookup, payco, tokens
from sandbox.server.banks import bank_names
from sandbox.server.envelope import FAILED, Answer, ApiRefusal
from sandbox.server.gate import Call, endpoint
from sandbox.server.models import Account, Config
from sandbox.server.wire import read_json, shown_json

DEMO_HOLDER = "홍길동"
UNKNOWN_ACCOUNT_ENDING = "0000"


def _get_token(call: Call) -> Answer:
    return Answer(tokens.issue(call.params))


def _cancel(call: Call) -> Answer:
    payment = cancels.cancel_by_api(call.params, accept_later=call.accept_later)
    return Answer(shown_json(payment))


def _payment(call: Call) -> Answer:
    payment = lookup.single(call.params, call.path["imp_uid"])
    body = read_json(payment)
    if call.params.flag("extension") and payment.pg_provider == "daou":
        body["extension"] = {"REMITTER": payment.remitter}
    return Answer(body)


def _payments(call: Call) -> Answer:
    found, complete = lookup.batch(call.params)
    return Answer([read_json(payment) for payment in found], http_status=200 if complete else 207)


def _find(call: Call) -> Answer:
    status = call.path.get("status", "")
    found = lookup.by_merchant_uid(call.params, call.path["merchant_uid"], "")
    # An unknown status finds nothing here; findAll refuses it.
    payment = (found.filter(status=status) if status not in {"", lookup.ALL_STATUSES} else found).first()
    if payment is None:
        raise ApiRefusal(FAILED, lookup.NOT_FOUND, 404)
    return Answer(read_json(payment))


def _find_all(call: Call) -> Answer:
    found = lookup.by_merchant_uid(call.params, call.path["merchant_uid"], call.path.get("status", ""))
    if not found.exists():
        raise ApiRefusal(FAILED, lookup.NOT_FOUND, 404)
    return Answer(lookup.page(found, call.params, read_json))


def _status(call: Call) -> Answer:
    return Answer(lookup.status_page(call.params, call.path["status"]))


def _balance(call: Call) -> Answer:
    payment = lookup.by_imp_uid(call.params, call.path["imp_uid"])
    if payment.pg_provider != "payco":
        raise ApiRefusal(FAILED, "지원하지 않는 PG사입니다.", 405)
    return Answer(payco.balance_json(payment))


def _holder(call: Call) -> Answer:
    if Config.load().holder_gone:
        raise ApiRefusal(FAILED, "Not Found", 404)
    bank_code = call.params.text("bank_code")
    if not bank_code or not call.params.text("bank_num"):
        raise ApiRefusal(FAILED, "bank_code, bank_num 파라메터가 누락되었습니다.", 400)
    number = call.params.text("bank_num").replace("-", "")
    account = Account.objects.filter(bank_code=bank_code, bank_num=number).first()
    if account is not None:
        return Answer({"bank_holder": account.holder})
    plausible = number.isdigit() and 10 <= len(number) <= 14 and not number.endswith(UNKNOWN_ACCOUNT_ENDING)
    if bank_code in bank_names() and plausible:
        return Answer({"bank_holder": DEMO_HOLDER})
    raise ApiRefusal(FAILED, "조회된 예금주가 없습니다. 은행코드와 계좌번호를 확인하세요.", 404)


def _banks(call: Call) -> Answer:
    names = bank_names()
    code = call.path.get("code")
    if code is None:
        return Answer([{"code": code, "name": name} for code, name in names.items()])
    if code not in names:
        raise ApiRefusal(FAILED, "존재하지 않는 은행코드입니다.", 404)
    return Answer({"code": code, "name": names[code]})


get_token = endpoint("getToken", authorized=False, post=_get_token)
cancel = endpoint("cancel", post=_cancel)
payment = endpoint("payment", get=_payment)
payments = endpoint("payments", get=_payments)
find = endpoint("find", get=_find)
find_all = endpoint("findAll", get=_find_all)
status = endpoint("status", get=_status)
balance = endpoint("balance", get=_balance)
holder = endpoint("holder", get=_holder)
banks = endpoint("banks", get=_banks)
