"""A second i'mport, in memory: it shares nothing with the sandbox, and is as untidy as the model test makes it.

What it executed is in `Account.cancels` and never lies. What it shows is made from that by the distortions that each
cancel got, as JSON that the real client's mapping reads.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from payments.gateway import (
    CancelRequest,
    GatewayPayment,
    GatewayRejected,
    OutcomeUnknown,
    PaymentPage,
    PaymentUnknown,
    StatusFilter,
)
from payments.gateway.iamport.mapping import payment_from


@dataclass(frozen=True)
class Distortion:
    """How one cancel is shown, other than the guide says."""

    hours: int = 0  # by which its clock differs
    reason: str = "{}"  # shown instead; {} is the reason that was sent
    cut: int = 500  # characters of the reason that are kept
    has_item: bool = True
    has_id: bool = True
    has_tid: bool = True
    in_total: bool = True


@dataclass
class Cancel:
    """One cancel that was executed. `taken_back` is how much of `amount` was undone later."""

    amount: Decimal
    reason: str
    at: datetime
    id: str
    distortion: Distortion
    taken_back: Decimal = Decimal(0)
    keeps_item: bool = True

    @property
    def left(self) -> Decimal:
        return self.amount - self.taken_back


@dataclass
class Account:
    """One payment at i'mport."""

    imp_uid: str
    amount: Decimal
    currency: str = "KRW"
    pg_provider: str = "uplus"
    as_floats: bool = False
    cancels: list[Cancel] = field(default_factory=list)
    accepted: list[tuple[Decimal, str]] = field(default_factory=list)  # amount, reason: executed later
    stale: list[dict[str, Any]] = field(default_factory=list)  # shown by the next readings
    repeats: bool = False
    reverses: bool = False

    @property
    def gross(self) -> Decimal:
        """Return all money that ever left, whatever came back."""
        return sum((cancel.amount for cancel in self.cancels), Decimal(0))

    @property
    def total(self) -> Decimal:
        return sum((cancel.left for cancel in self.cancels), Decimal(0))

    def executed(self, reason: str) -> Cancel | None:
        """Return the cancel that was requested with this reason."""
        return next((cancel for cancel in self.cancels if reason and reason in cancel.reason), None)


class UntidyIamport:
    """A `Gateway`. `next_outcome` and `next_distortion` are used by the next cancel."""

    longest_cancel = 1.0

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.next_outcome = "yes"
        self.next_distortion = Distortion()
        self.rival: tuple[Decimal, str] | None = None
        self._numbers = itertools.count(1)

    def open(self, account: Account) -> GatewayPayment:
        self.accounts[account.imp_uid] = account
        return self.payment(account.imp_uid)

    def execute(self, account: Account, amount: Decimal, reason: str, distortion: Distortion) -> None:
        account.cancels.append(Cancel(amount, reason, timezone.now(), f"cxl{next(self._numbers)}", distortion))

    # --- The gateway ----------------------------------------------------------------------------------------

    def cancel(self, request: CancelRequest) -> GatewayPayment:
        account = self.accounts[request.imp_uid]
        outcome, distortion = self.next_outcome, self.next_distortion
        if outcome == "lost before":
            raise OutcomeUnknown("no answer")
        left = account.amount - account.total
        if outcome == "refused" or request.checksum != left or request.amount > left:
            raise GatewayRejected("checksum", gateway_code=1)
        if outcome == "accepted" or (account.pg_provider == "paypal_v2" and outcome == "yes"):
            account.accepted.append((request.amount, request.reason))
            return self.payment(request.imp_uid)
        if self.rival is not None and self.rival[0] <= left - request.amount:
            self.execute(account, *self.rival, Distortion())
        self.execute(account, request.amount, request.reason, distortion)
        if outcome == "refused after":
            raise GatewayRejected("기 취소 거래", gateway_code=-1)
        if outcome == "lost after":
            raise OutcomeUnknown("no answer")
        return self.payment(request.imp_uid)

    def payment(self, imp_uid: str) -> GatewayPayment:
        account = self.accounts.get(imp_uid)
        if account is None:
            raise PaymentUnknown("존재하지 않는 결제정보입니다.", gateway_code=-1)
        raw = account.stale.pop(0) if account.stale else shown(account)
        return replace(payment_from(json.loads(json.dumps(raw), parse_float=Decimal)), read_at=timezone.now())

    def payments(self, imp_uids: Sequence[str]) -> list[GatewayPayment]:
        return [self.payment(imp_uid) for imp_uid in imp_uids if imp_uid in self.accounts]

    def payments_between(
        self, start: datetime, end: datetime, *, status: StatusFilter = "all"
    ) -> Iterator[PaymentPage]:
        yield PaymentPage(tuple(map(self.payment, self.accounts)), start, len(self.accounts))


def shown(account: Account) -> dict[str, Any]:
    """Return the payment as this i'mport shows it now."""
    total = sum((cancel.left for cancel in account.cancels if cancel.distortion.in_total), Decimal(0))
    items = [item for cancel in account.cancels if (item := _item(account, cancel)) is not None]
    if account.repeats:
        items += items[-1:]
    if account.reverses:
        items.reverse()
    return {
        "imp_uid": account.imp_uid,
        "merchant_uid": f"order-{account.imp_uid}",
        "status": "cancelled" if total else "paid",
        "amount": float(account.amount),
        "cancel_amount": _number(account, total),
        "currency": account.currency,
        "pay_method": "card",
        "pg_provider": account.pg_provider,
        "paid_at": int(timezone.now().timestamp()) - 3_600,
        "cancelled_at": int(timezone.now().timestamp()) if total else 0,
        "cancel_history": items,
    }


def _item(account: Account, cancel: Cancel) -> dict[str, Any] | None:
    distortion = cancel.distortion
    if not distortion.has_item or (cancel.taken_back and not cancel.keeps_item):
        return None
    item = {
        "pg_tid": f"tid-{cancel.id}" if distortion.has_tid else "",
        "amount": float(cancel.left),
        "cancelled_at": int((cancel.at + timedelta(hours=distortion.hours)).timestamp()),
        "reason": distortion.reason.replace("{}", cancel.reason)[: distortion.cut],
    }
    return item | ({"cancellation_id": cancel.id} if distortion.has_id else {}) if cancel.left else None


def _number(account: Account, total: Decimal) -> float:
    """Return the total as a sum of binary floats, with their residue."""
    if not account.as_floats:
        return float(total)
    return sum(float(cancel.left) for cancel in account.cancels if cancel.distortion.in_total)
