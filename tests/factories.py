"""Create payments, users and refunds for tests."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Permission, User
from django.utils import timezone

from core.encryption.cipher import encrypt
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.batches.check import check_batch
from refunds.batches.create import Row, create_batch
from refunds.batches.preview import totals_of, warning_codes
from refunds.batches.start import start_batch
from refunds.demo.orders import ORDERS
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundAccount, RefundApproval, RefundBatch, RefundReason, RefundRecord
from tests.sandbox_server import SandboxServer

ACCOUNT = {"refund_holder": "홍길동", "refund_bank": "088", "refund_account": "110-123-456789"}
ACCOUNT_DIGITS = "110123456789"

_numbers = itertools.count(1)


def make_payment(**fields: Any) -> Payment:
    """Create a payment in our ledger only: 10,000 KRW by card, paid now."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "imp_uid": f"imp_{number:012}",
        "merchant_uid": f"order-{number}",
        "status": "paid",
        "amount": Decimal(10_000),
        "pay_method": "card",
        "pg_provider": "uplus",
        "paid_at": timezone.now(),
    }
    return Payment.objects.create(**{**defaults, **fields})


def paid_at_sandbox(sandbox: SandboxServer, *, user: User | None = None, **fields: Any) -> Payment:
    """Create a payment in the sandbox and mirror it in our ledger."""
    number = next(_numbers)
    shown = sandbox.create_payment(
        **{"merchant_uid": f"order-{number}", "amount": 10_000, "pg_provider": "uplus", **fields}
    )
    list(sync_by_id([shown["imp_uid"]]))
    payment = Payment.objects.get(imp_uid=shown["imp_uid"])
    if user is not None:
        payment.user = user
        payment.save()
    return payment


def demo_payment(number: int) -> dict[str, Any]:
    """Return the fields of a payment of the demo: Korean goods and a Korean buyer."""
    (order,) = (order for order in ORDERS if order.number == number)
    return order.as_payment(timezone.now())


def make_user(name: str = "buyer", **fields: Any) -> User:
    return User.objects.create_user(username=name, password="secret", **fields)


def make_staff(*permissions: str, name: str = "staff") -> User:
    """Create a staff user with these permissions, such as "refund_payment"."""
    user = make_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def make_refund(payment: Payment | None = None, **fields: Any) -> RefundRecord:
    """Create a refund of 1,000 in our ledger only; by default it succeeded a minute ago, to a bank account."""
    now = timezone.now()
    defaults: dict[str, Any] = {
        "payment": payment or make_payment(pay_method="vbank", pg_provider="html5_inicis"),
        "status": "succeeded",
        "source": "admin",
        "amount": Decimal(1_000),
        "checksum": Decimal(10_000),
        "refund_bank": "088",
        "refund_account_last4": ACCOUNT_DIGITS[-4:],
        "requested_at": now - timedelta(minutes=1),
    }
    fields = {**defaults, **fields}
    if fields["status"] in ("succeeded", "failed"):
        fields.setdefault("settled_at", now)
    if fields["status"] == "succeeded":
        fields = {"cancelled_amount": fields["amount"], "cancelled_at": fields["settled_at"], **fields}
    return RefundRecord.objects.create(**fields)


def make_reason(code: str = "change_of_mind", **fields: Any) -> RefundReason:
    """Create a reason, or change the seeded one: tests that empty the database also remove what migrations wrote."""
    defaults = {"name_ko": "단순 변심", "name_en": "Change of mind", "fault": "buyer", "is_active": True}
    return RefundReason.objects.update_or_create(code=code, defaults={**defaults, "needs_note": False, **fields})[0]


def make_approval(payment: Payment, **fields: Any) -> RefundApproval:
    """Create a request for approval in our ledger only: of all that is left, waiting, by `asker` in the admin."""
    now, left = timezone.now(), payment.refundable_amount
    defaults: dict[str, Any] = {
        "source": "admin",
        "requested_by": fields.get("requested_by") or make_staff("refund_payment", name="asker"),
        "requested_by_name": "asker",
        "rule": "per_refund",
        "limit_amount": Decimal(5_000),
        "amount": left,
        "balance": left,
        "currency": payment.currency,
        "requested_at": now,
        "expires_at": now + timedelta(days=7),
    }
    return RefundApproval.objects.create(payment=payment, **{**defaults, **fields})


def make_stored_account(refund: RefundRecord, **account: str) -> RefundAccount:
    """Store the refund's bank account as the ledger does."""
    text = json.dumps({"holder": ACCOUNT["refund_holder"], "number": ACCOUNT_DIGITS, **account})
    return RefundAccount.objects.create(refund=refund, encrypted=encrypt(text))


def make_started_batch(
    user: User, orders: Iterable[tuple[Payment, RefundRequest]], *, start: bool = True, **fields: Any
) -> RefundBatch:
    """Make a batch of these orders as the admin does, check it, and start it with all its warnings accepted."""
    actor = Actor(user.get_username(), user)
    rows = [Row(request, payment.pk, merchant_uid=payment.merchant_uid) for payment, request in orders]
    defaults: dict[str, Any] = {
        "token": uuid.uuid4(),
        "source": "admin",
        "origin": "selection",
        "reason": "",
        "language": "en",
    }
    batch = create_batch(actor=actor, rows=rows, **{**defaults, **fields})
    check_batch(batch=batch, actor=actor)
    if start:
        start_batch(batch=batch, actor=actor, totals=totals_of(batch), accepted=warning_codes(batch))
    return batch
