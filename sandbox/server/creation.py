"""Create payments: for tests and demos, by key-in, and as virtual accounts that wait for a deposit."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from sandbox.server import clock, ledger, store, webhooks
from sandbox.server.envelope import FAILED, ApiRefusal
from sandbox.server.models import Cancellation, Payment

JsonDict = dict[str, Any]

NOT_SETTABLE = {"id", "cancel_amount", "status_at", "total_lag", "overlay", "stale", "stale_reads", "updated_at"}
FIELDS: dict[str, Any] = {
    field.name: field
    for field in Payment._meta.get_fields()  # noqa: SLF001 - Django documents this one
    if isinstance(field, models.Field) and field.name not in NOT_SETTABLE
}
VIRTUAL_ACCOUNT_DAYS = 3
DAY = 24 * 60 * 60

METHOD_DEFAULTS: dict[str, JsonDict] = {
    "card": {"card_code": "366", "card_name": "신한카드", "card_number": "433012******1234", "card_type": 0},
    "trans": {"bank_code": "088", "bank_name": "신한은행"},
    "vbank": {"vbank_code": "088", "vbank_name": "신한은행", "vbank_holder": "샌드박스상점"},
}


def create_payments(items: Iterable[JsonDict]) -> list[Payment]:
    """Create payments from free-form fields in one transaction; leave an existing imp_uid unchanged."""
    with store.write():
        return [_create_one(dict(item)) for item in items]


def add_payment(payment: Payment, *, notify: bool = True) -> Payment:
    """Store a payment made through the API and notify the merchant."""
    with store.write():
        payment.touch(clock.now())
        payment.save()
        if notify:
            webhooks.notify(payment)
    return payment


def new_payment(fields: JsonDict) -> Payment:
    """Build an unsaved payment from the given fields and defaults."""
    now = clock.now()
    values = {**METHOD_DEFAULTS.get(str(fields.get("pay_method", "card")), {}), **fields}
    identity = secrets.randbelow(10**12)
    values.setdefault("imp_uid", f"imp_{identity:012d}")
    values.setdefault("merchant_uid", f"order_{identity:012d}")
    values.setdefault("amount", 10_000)
    values.setdefault("pg_tid", f"sandbox_{identity:012d}")
    values.setdefault("receipt_url", f"https://receipt.sandbox.invalid/payment/{values['imp_uid']}")
    payment = Payment(**{name: value_of(name, value) for name, value in values.items()})
    _set_times(payment, given=fields, now=now)
    return payment


def deposit(payment: Payment) -> Payment:
    """Deposit the amount in the virtual account, or let a pending payment succeed."""
    with store.write():
        fresh = Payment.objects.get(pk=payment.pk)
        if fresh.status not in {Payment.Status.READY, Payment.Status.PENDING}:
            raise ApiRefusal(FAILED, "입금 대기 중인 결제건이 아닙니다.", 400)
        fresh.status = Payment.Status.PAID
        fresh.paid_at = clock.now()
        fresh.touch(clock.now())
        fresh.save()
        webhooks.notify(fresh)
        return fresh


def _create_one(fields: JsonDict) -> Payment:
    replace = bool(fields.pop("replace", False))
    history = fields.pop("cancel_history", None)
    cancelled = fields.pop("cancel_amount", 0)
    imp_uid = fields.get("imp_uid")
    existing = Payment.objects.filter(imp_uid=imp_uid).first() if imp_uid else None
    if existing is not None and not replace:
        return existing
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown:
        raise ApiRefusal(FAILED, f"unknown payment fields: {', '.join(unknown)}", 400)
    if existing is not None:
        existing.delete()
    payment = new_payment(fields)
    _validate(payment)
    payment.save()
    if history is None:
        total = to_decimal("cancel_amount", cancelled)
        if not total and payment.status == Payment.Status.CANCELLED:
            total = payment.amount
        history = [{"amount": total}] if total else []
    for item in history:
        _book_history_item(payment, item)
    return payment


def _book_history_item(payment: Payment, item: JsonDict) -> None:
    left = ledger.balance_of(payment)
    asked = to_decimal("cancel_history amount", item.get("asked", item.get("amount", 0)))
    if not 0 < asked <= left.asked:
        raise ApiRefusal(FAILED, "cancel_history does not fit the amount", 400)
    cancellation = ledger.new_cancellation(payment, ledger.divide(payment, left, asked), str(item.get("reason") or ""))
    cancellation.cancellation_id = item.get("cancellation_id") or cancellation.cancellation_id
    cancellation.pg_tid = item.get("pg_tid") or payment.pg_tid
    if Cancellation.objects.filter(cancellation_id=cancellation.cancellation_id).exists():
        raise ApiRefusal(FAILED, f"cancellation_id {cancellation.cancellation_id} exists", 400)
    ledger.book(payment, cancellation, int(item.get("cancelled_at") or clock.now()))


def _set_times(payment: Payment, *, given: JsonDict, now: int) -> None:
    payment.started_at = payment.started_at or payment.paid_at or payment.failed_at or now
    if payment.status in {Payment.Status.PAID, Payment.Status.CANCELLED} and "paid_at" not in given:
        payment.paid_at = now
    if payment.status == Payment.Status.FAILED and "failed_at" not in given:
        payment.failed_at = now
    if payment.pay_method == "vbank":
        payment.vbank_num = payment.vbank_num or f"5620{secrets.randbelow(10**10):010d}"
        payment.vbank_issued_at = payment.vbank_issued_at or payment.started_at
        payment.vbank_date = payment.vbank_date or payment.started_at + VIRTUAL_ACCOUNT_DAYS * DAY
    payment.touch(now)
    payment.updated_at = payment.status_at


def _validate(payment: Payment) -> None:
    try:
        payment.clean_fields()
    except ValidationError as exc:
        raise ApiRefusal(FAILED, f"invalid payment: {exc.message_dict}", 400) from None
    if not 0 <= payment.promotion_discount <= payment.amount or payment.tax_free > payment.amount:
        raise ApiRefusal(FAILED, "tax_free and the promotion's discount must fit the amount", 400)


def value_of(name: str, value: Any) -> Any:
    field = FIELDS[name]
    if value is None:
        return None if field.null else field.get_default()
    return to_decimal(name, value) if isinstance(field, models.DecimalField) else value


def to_decimal(name: str, value: Any) -> Decimal:
    """Read an amount from a number or text, or refuse it, naming the field."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ApiRefusal(FAILED, f"{name} is not a number: {value!r}", 400) from None
