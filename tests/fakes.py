"""A gateway in memory, for tests of races: the sandbox over HTTP would be too slow."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from payments.gateway import (
    Balance,
    Cancellation,
    CancelRequest,
    GatewayPayment,
    GatewayRejected,
    PaymentPage,
    PaymentUnknown,
    StatusFilter,
)
from payments.models import Payment


class InstantGateway:
    """A gateway that executes each cancel immediately, and checks balance and checksum as i'mport does."""

    def __init__(self, payment: Payment) -> None:
        self.imp_uid, self.merchant_uid = payment.imp_uid, payment.merchant_uid
        self.amount, self.currency, self.sandbox = payment.amount, payment.currency, payment.sandbox
        self.cancels: list[Cancellation] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    longest_cancel = 1.0

    def on_cancel(self) -> None:
        """Do nothing; subclasses override it to act during the call."""

    def cancel(self, request: CancelRequest) -> GatewayPayment:
        self.on_cancel()
        with self._lock:
            left = self.amount - sum(cancel.amount for cancel in self.cancels)
            if request.checksum != left or request.amount > left:
                raise GatewayRejected("checksum", gateway_code=1)
            self.cancels.append(
                Cancellation(
                    amount=request.amount,
                    cancelled_at=timezone.now(),
                    cancellation_id=f"cancel-{next(self._numbers)}",
                    reason=request.reason,
                )
            )
        return self.payment(request.imp_uid)

    def payment(self, imp_uid: str) -> GatewayPayment:
        if imp_uid != self.imp_uid:
            raise PaymentUnknown("존재하지 않는 결제정보입니다.", gateway_code=-1)
        read_at = timezone.now()
        cancelled = sum((cancel.amount for cancel in self.cancels), Decimal(0))
        return GatewayPayment(
            imp_uid=imp_uid,
            merchant_uid=self.merchant_uid,
            status="cancelled" if cancelled else "paid",
            amount=self.amount,
            cancel_amount=cancelled,
            currency=self.currency,
            sandbox=self.sandbox,
            cancel_history=tuple(self.cancels),
            paid_at=timezone.now(),
            read_at=read_at,
        )

    def payments(self, imp_uids: Sequence[str]) -> list[GatewayPayment]:
        return [self.payment(uid) for uid in imp_uids if uid == self.imp_uid]

    def payments_of_order(self, merchant_uid: str) -> list[GatewayPayment]:
        return [self.payment(self.imp_uid)] if merchant_uid == self.merchant_uid else []

    def payments_between(
        self, start: datetime, end: datetime, *, status: StatusFilter = "all"
    ) -> Iterator[PaymentPage]:
        yield PaymentPage((self.payment(self.imp_uid),), start, total=1)

    def balance(self, imp_uid: str) -> Balance:
        return Balance(tax_free=Decimal(0))

    def account_holder(self, *, bank_code: str, account: str) -> str:
        return "홍길동"
