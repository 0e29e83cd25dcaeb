"""Unsaved payments, and the rules' results for refunding them."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.dates import SEOUL
from payments.gateway import Balance
from payments.models import Payment
from refunds.errors import Violation
from refunds.inputs import RefundRequest
from refunds.models import RefundRecord
from refunds.policies import RefundContext, check

ACCOUNT = {"refund_holder": "홍길동", "refund_bank": "088", "refund_account": "110-123-456789"}
TEL = {"refund_tel": "010-1234-5678"}
VBANK_CONTRACT = frozenset({"vbank_refund"})


def seoul(year: int, month: int, day: int, hour: int = 12, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=SEOUL)


PAID_AT = seoul(2026, 3, 2)
SOON_AFTER = seoul(2026, 3, 3)


def won(amount: int | str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def paid(pg_provider: str = "html5_inicis", pay_method: str = "card", *, refunded: int = 0, **fields: Any) -> Payment:
    """Return a payment of 10,000 won."""
    defaults = {"status": "paid", "amount": Decimal(10_000), "paid_at": PAID_AT}
    return Payment(
        **defaults | fields,
        imp_uid="imp_1",
        merchant_uid="order_1",
        pg_provider=pg_provider,
        pay_method=pay_method,
        cancel_amount=Decimal(refunded),
    )


def asking(
    payment: Payment,
    amount: int | str | None = None,
    *,
    now: datetime = SOON_AFTER,
    contracts: Iterable[str] = (),
    partial_refunds: int = 0,
    vbank_fee: int = 300,
    earlier: tuple[RefundRecord, ...] = (),
    balance: Balance | None = None,
    **fields: Any,
) -> RefundContext:
    """Return the context of refunding `amount` won, by default the whole refundable amount."""
    return RefundContext(
        payment=payment,
        request=RefundRequest(amount=won(amount), **fields),
        now=now,
        contracts=frozenset(contracts),
        partial_refunds=partial_refunds,
        vbank_fee=Decimal(vbank_fee),
        earlier=earlier,
        balance=balance,
    )


def violations(context: RefundContext) -> list[str]:
    return [violation.code for violation in check(context).violations]


def warnings(context: RefundContext) -> list[str]:
    return [warning.code for warning in check(context).warnings]


def only_violation(context: RefundContext) -> Violation:
    (violation,) = check(context).violations
    return violation
