"""The simulated API: tokens, reading payments and cancelling them."""

from __future__ import annotations

from sandbox.server import cancels, ledger, lookup, tokens
from sandbox.server.banks import bank_names
from sandbox.server.envelope import FAILED, Answer, ApiRefusal
from sandbox.server.gate import Call, endpoint
from sandbox.server.models import Account, Payment
from sandbox.server.wire import JsonDict, read_json, shown_json

DEMO_HOLDER = "홍길동"
UNKNOWN_ACCOUNT_ENDING = "0000"


def _get_token(call: Call) -> Answer:
    return Answer(tokens.issue(call.params))


def _cancel(call: Call) -> Answer:
    payment = cancels.cancel_by_api(call.params, accept_later=call.accept_later)
    return Answer(shown_json(payment))


def _payment(call: Call) -> Answer:
    return Answer(read_json(lookup.by_imp_uid(call.params, call.path["imp_uid"])))


def _payments(call: Call) -> Answer:
    found, complete = lookup.batch(call.params)
    return Answer([read_json(payment) for payment in found], http_status=200 if complete else 207)


def _find(call: Call) -> Answer:
    found = lookup.by_merchant_uid(call.params, call.path["merchant_uid"], call.path.get("status", ""))
    payment = found.first()
    if payment is None:
        raise ApiRefusal(FAILED, lookup.NOT_FOUND, 404)
    return Answer(read_json(payment))


def _find_all(call: Call) -> Answer:
    found = lookup.by_merchant_uid(call.params, call.path["merchant_uid"], call.path.get("status", ""))
    if not found.exists():
        raise ApiRefusal(FAILED, lookup.NOT_FOUND, 404)
    return Answer(lookup.page(found, call.params))


def _status(call: Call) -> Answer:
    return Answer(lookup.page(lookup.by_status(call.params, call.path["status"]), call.params))


def _balance(call: Call) -> Answer:
    return Answer(balance_json(lookup.by_imp_uid(call.params, call.path["imp_uid"])))


def balance_json(payment: Payment) -> JsonDict:
    """Return the parts that are left; `primary` and the others repeat them per means of payment."""
    left = ledger.balance_of(payment)
    parts = {"tax_free": left.tax_free, "supply": left.supply, "vat": left.vat, "service": 0}
    nothing = dict.fromkeys(parts, 0)
    receipt = parts if payment.cash_receipt_issued else nothing
    return {
        **parts,
        "amount": left.paid,
        "cash_receipt": receipt,
        "primary": parts,
        "secondary": nothing,
        "discount": nothing,
        "histories": [],
    }


def _holder(call: Call) -> Answer:
    bank_code = call.params.text("bank_code")
    number = call.params.text("bank_num").replace("-", "")
    account = Account.objects.filter(bank_code=bank_code, bank_num=number).first()
    if account is not None:
        return Answer({"bank_holder": account.holder})
    plausible = number.isdigit() and 10 <= len(number) <= 14 and not number.endswith(UNKNOWN_ACCOUNT_ENDING)
    if bank_code in bank_names() and plausible:
        return Answer({"bank_holder": DEMO_HOLDER})
    raise ApiRefusal(FAILED, "조회된 예금주가 없습니다. 은행코드와 계좌번호를 확인하세요.", 404)


def _banks(_call: Call) -> Answer:
    return Answer([{"code": code, "name": name} for code, name in bank_names().items()])


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
