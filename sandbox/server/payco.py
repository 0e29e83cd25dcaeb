"""The balance of a PAYCO payment: what is left of each means of payment, by tax kind."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.server import ledger
from sandbox.server.models import Cancellation, Payment

Parts = dict[str, Decimal]

KINDS = ("tax_free", "supply", "vat", "service")
# The order in which a cancel uses them up.
MEANS = ("primary", "secondary", "discount")
ZERO = Decimal(0)


@dataclass(frozen=True)
class State:
    """What was left of a payment from a moment on."""

    created: int
    means: dict[str, Parts]


def balance_json(payment: Payment) -> dict[str, Any]:
    """Return the balance; `amount` is the first total, also after cancels."""
    *earlier, now = _states(payment)
    return {
        "amount": ledger.paid_total(payment),
        **_state_json(payment, now),
        "histories": [{"created": state.created, **_state_json(payment, state)} for state in earlier],
    }


def _states(payment: Payment) -> list[State]:
    means = _paid_by(payment)
    states = [State(payment.paid_at or payment.started_at, means)]
    for item in payment.cancellations.filter(state=Cancellation.State.DONE):
        left = _parts(tax_free=item.tax_free, vat=item.vat_amount, total=item.amount - item.returned)
        after = {}
        for name in MEANS:
            used = {kind: min(means[name][kind], left[kind]) for kind in KINDS}
            after[name] = {kind: means[name][kind] - used[kind] for kind in KINDS}
            left = {kind: left[kind] - used[kind] for kind in KINDS}
        means = after
        states.append(State(item.cancelled_at, means))
    return states


def _paid_by(payment: Payment) -> dict[str, Parts]:
    total = _parts(tax_free=payment.tax_free, vat=ledger.vat_total(payment), total=ledger.paid_total(payment))
    given = payment.other_means or {}
    others = {
        name: {kind: Decimal(str(given.get(name, {}).get(kind, 0))) for kind in KINDS}
        for name in ("secondary", "discount")
    }
    primary = {kind: total[kind] - sum((parts[kind] for parts in others.values()), ZERO) for kind in KINDS}
    return {"primary": primary, **others}


def _parts(*, tax_free: Decimal, vat: Decimal, total: Decimal) -> Parts:
    return {"tax_free": tax_free, "supply": total - tax_free - vat, "vat": vat, "service": ZERO}


def _state_json(payment: Payment, state: State) -> dict[str, Any]:
    receipt = state.means["primary"] if payment.cash_receipt_issued else dict.fromkeys(KINDS, ZERO)
    return {"cash_receipt": receipt, **state.means}
