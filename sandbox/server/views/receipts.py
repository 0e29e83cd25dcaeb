"""The simulated API: cash receipts, of payments and of cash that was paid elsewhere."""

from __future__ import annotations

import secrets
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.server import clock, ledger, lookup, store
from sandbox.server.envelope import FAILED, REFUSED_BY_IAMPORT, Answer, ApiRefusal
from sandbox.server.gate import Call, endpoint
from sandbox.server.models import Payment, Receipt
from sandbox.server.params import Params
from sandbox.server.wire import JsonDict

ISSUING_PGS = {
    "html5_inicis", "inicis", "kcp", "settle", "nice", "nice_v2", "tosspayments", "ksnet", "smartro", "smartro_v2",
    "kicc", "daou", "welcome",
}  # fmt: skip
CANCELLING_PGS = ISSUING_PGS - {"kicc", "smartro"}
NONE_ISSUED = "현금영수증 발행된 내역이 없습니다."
TYPES = {"person", "company"}


def _read(call: Call) -> Answer:
    receipt = _of_payment(call.path["imp_uid"])
    if receipt is None:
        raise ApiRefusal(FAILED, NONE_ISSUED, 404)
    return Answer(_receipt_json(receipt))


def _issue(call: Call) -> Answer:
    payment = _cash_payment(call, ISSUING_PGS)
    with store.write():
        receipt = _of_payment(payment.imp_uid)
        if receipt is not None and not receipt.cancelled_at:
            raise ApiRefusal(REFUSED_BY_IAMPORT, "이미 현금영수증이 발행된 거래입니다.", 400)
        left = ledger.balance_of(payment)
        if not payment.paid_at or not left.paid:
            raise ApiRefusal(REFUSED_BY_IAMPORT, "결제완료(paid)된 거래가 아닙니다.", 400)
        receipt = _new_receipt(call.params, left.paid)
        receipt.imp_uid = payment.imp_uid
        receipt.save()
    return Answer(_receipt_json(receipt))


def _cancel(call: Call) -> Answer:
    payment = _cash_payment(call, CANCELLING_PGS)
    with store.write():
        receipt = _of_payment(payment.imp_uid)
        if receipt is None or receipt.cancelled_at:
            raise ApiRefusal(REFUSED_BY_IAMPORT, NONE_ISSUED, 400)
        return Answer(_receipt_json(_cancelled(receipt)))


def _read_external(call: Call) -> Answer:
    return Answer(_receipt_json(_external_or_404(call.path["merchant_uid"])))


def _issue_external(call: Call) -> Answer:
    amount = call.params.amount("amount")
    if not amount or not call.params.text("name"):
        raise ApiRefusal(REFUSED_BY_IAMPORT, "name, amount 파라메터가 누락되었습니다.", 400)
    with store.write():
        receipt = _external(call.path["merchant_uid"])
        if receipt is not None and not receipt.cancelled_at:
            raise ApiRefusal(REFUSED_BY_IAMPORT, "이미 현금영수증이 발행된 merchant_uid입니다.", 400)
        receipt = _new_receipt(call.params, amount)
        receipt.merchant_uid = call.path["merchant_uid"]
        receipt.save()
    return Answer(_receipt_json(receipt))


def _cancel_external(call: Call) -> Answer:
    with store.write():
        receipt = _external_or_404(call.path["merchant_uid"])
        if receipt.cancelled_at:
            raise ApiRefusal(FAILED, NONE_ISSUED, 404)
        return Answer(_receipt_json(_cancelled(receipt)))


def _cash_payment(call: Call, pgs: set[str]) -> Payment:
    payment = lookup.visible(call.params).filter(imp_uid=call.path["imp_uid"]).first()
    if payment is None or payment.pay_method not in {"vbank", "trans"}:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "현금영수증을 발행할 수 있는 거래가 아닙니다.", 400)
    if payment.pg_provider not in pgs:
        raise ApiRefusal(FAILED, "현금영수증 API를 지원하지 않는 PG사입니다.", 501)
    return payment


def _new_receipt(params: Params, amount: Decimal) -> Receipt:
    kind = params.text("type") or "person"
    if not params.text("identifier") or kind not in TYPES:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "identifier 파라메터가 누락되었거나 type이 올바르지 않습니다.", 400)
    taxable = amount - (params.amount("tax_free") or 0)
    vat = params.amount("vat_amount")
    number = secrets.randbelow(10**9)
    return Receipt(
        receipt_tid=f"receipt_{number:09d}",
        apply_num=f"{number:09d}",
        type=kind,
        amount=amount,
        vat=(taxable / 11).quantize(Decimal(1), ROUND_HALF_UP) if vat is None else vat,
        applied_at=clock.now(),
    )


def _of_payment(imp_uid: str) -> Receipt | None:
    return Receipt.objects.filter(imp_uid=imp_uid).last()


def _external(merchant_uid: str) -> Receipt | None:
    return Receipt.objects.filter(merchant_uid=merchant_uid).last()


def _external_or_404(merchant_uid: str) -> Receipt:
    receipt = _external(merchant_uid)
    if receipt is None:
        raise ApiRefusal(FAILED, NONE_ISSUED, 404)
    return receipt


def _cancelled(receipt: Receipt) -> Receipt:
    receipt.cancelled_at = clock.now()
    receipt.save()
    return receipt


def _receipt_json(receipt: Receipt) -> JsonDict:
    of: dict[str, Any] = {"imp_uid": receipt.imp_uid} if receipt.imp_uid else {"merchant_uid": receipt.merchant_uid}
    names = ("receipt_tid", "apply_num", "type", "amount", "vat", "applied_at", "cancelled_at")
    return {
        **of,
        **{name: getattr(receipt, name) for name in names},
        "receipt_url": f"https://receipt.sandbox.invalid/cash/{receipt.receipt_tid}",
    }


receipt = endpoint("receipts", get=_read, post=_issue, delete=_cancel)
external = endpoint("receipts", get=_read_external, post=_issue_external, delete=_cancel_external)
