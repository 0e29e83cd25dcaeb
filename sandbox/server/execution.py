"""Carry out a cancel, with whatever untidiness is switched on."""

from __future__ import annotations

import json
import secrets
from copy import copy
from decimal import Decimal

from sandbox.server import clock, ledger, quirks
from sandbox.server.envelope import dumps
from sandbox.server.models import Cancellation, Payment
from sandbox.server.wire import shown_json


def execute(payment: Payment, cancellation: Cancellation) -> None:
    """Book a cancel as the switches say. Call it inside a write transaction."""
    active = quirks.take(payment)
    before = shown_json(payment)
    at = clock.now() + active.number("clock_shift", "seconds")
    rival = _rival(payment, cancellation, active)
    quirks.distort(cancellation, active)
    if rival is not None and not active.options["rival_cancel"]["after"]:
        ledger.book(payment, rival, at)
    ledger.book(payment, cancellation, at)
    if "total_late" in active:
        payment.total_lag += cancellation.amount
    if rival is not None and active.options["rival_cancel"]["after"]:
        ledger.book(payment, rival, at)
    if "twin_cancel" in active and ledger.balance_of(payment).asked >= cancellation.asked:
        ledger.book(payment, _another(cancellation), at)
    if "stale_reads" in active:
        payment.stale = json.loads(dumps(before))
        payment.stale_reads = active.number("stale_reads", "reads")
    payment.save()


def _rival(payment: Payment, cancellation: Cancellation, active: quirks.Active) -> Cancellation | None:
    """Return another desk's cancel, as much of it as the balance allows beside ours."""
    if "rival_cancel" not in active:
        return None
    options = active.options["rival_cancel"]
    left = ledger.balance_of(payment)
    wanted = Decimal(options["amount"] or cancellation.asked)
    asked = min(wanted, left.asked - cancellation.asked)
    if asked <= 0:
        return None
    return ledger.new_cancellation(
        payment,
        ledger.divide(payment, left, asked, retain_promotion=bool(payment.retains_promotion)),
        str(options["reason"]),
    )


def _another(cancellation: Cancellation) -> Cancellation:
    twin = copy(cancellation)
    twin.pk = None
    twin._state = copy(cancellation._state)  # noqa: SLF001 - a new row
    twin._state.adding = True  # noqa: SLF001
    twin.cancellation_id = f"cancel_{secrets.token_hex(12)}"
    return twin
