"""Decide what each cancel of a reading is, without a database: `plan` returns the steps that `booking` carries out.

i'mport's total outranks its items: items are booked as long as the total has room for them, and what the total holds
without an item is booked as well. So the ledger never exceeds the total, whatever happens to an item's identity.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from payments.gateway import Cancellation, GatewayPayment
from refunds.ledger.booked import Booked, Identified, PartOf
from refunds.ledger.matching import Claimed, Evidence, Keyed, Parts, Reading, booked_keys, cancellation_keys, claim
from refunds.models import RefundRecord, RefundStatus
from refunds.policies import settles_later


@dataclass(frozen=True, slots=True)
class Own:
    """The cancel of our live refund: it succeeded, with `amount`. Without an item, `key` is empty."""

    record: RefundRecord
    item: Cancellation
    key: str
    amount: Decimal
    evidence: Evidence
    needs_review: bool


@dataclass(frozen=True, slots=True)
class Import:
    """A cancel that nobody here requested: it becomes a record of its own.

    `before` is what was refunded before it. `late` is an ended refund of ours whose number it bears.
    """

    item: Cancellation
    key: str
    before: Decimal
    late: RefundRecord | None = None


@dataclass(frozen=True, slots=True)
class Remainder:
    """The part of i'mport's total that no item shows, booked as `item` with the missing amount."""

    item: Cancellation
    before: Decimal


@dataclass(frozen=True, slots=True)
class Wait:
    """The live refund stays open: an item or money may be its own, or the reading is older than the ledger."""

    record: RefundRecord


Step = Own | Import | PartOf | Identified | Remainder | Wait


def plan(records: Sequence[RefundRecord], shown: GatewayPayment, reading: Reading, *, parts: Parts) -> list[Step]:
    """Return the steps that book every cancel of `shown` that `records` lack, oldest first.

    `records` are all refunds of the payment, `parts` the items that make up its remainders (see `parts_shown`).
    Nothing is taken back: an older reading gives no steps. `reading` is the occasion as the live refund sees it. While
    one is live, money that may be its own is left alone or taken as its own, never booked as somebody else's.
    """
    live = next((record for record in records if record.is_live), None)
    history = cancellation_keys(shown.cancel_history)
    known = booked_keys(records, parts)
    unseen = [keyed for keyed in history if keyed[0] not in known]
    total = sum((record.net_amount for record in records), Decimal(0))
    surplus = total + _sum(unseen) - shown.cancel_amount
    booked = Booked(records, parts, shown_keys={key for key, _item in history}, surplus=surplus, live=live)
    steps: list[Step] = []
    fresh: list[Keyed] = []
    for key, item in unseen:
        step = booked.take(item, key)
        if step is None:
            fresh.append((key, item))
        else:
            steps.append(step)
    room = shown.cancel_amount - total
    claimed = claim(live, fresh, reading) if live is not None else Claimed()
    own = _own(live, claimed, room=room, is_consistent=_sum(history) <= shown.cancel_amount, is_alone=len(fresh) == 1)
    return steps + _new_steps(records, shown, reading, fresh=fresh, claimed=claimed, own=own, total=total)


def _own(
    live: RefundRecord | None, claimed: Claimed, *, room: Decimal, is_consistent: bool, is_alone: bool
) -> Own | None:
    """Return the step of the live refund's own item, with as much as i'mport's total holds of it.

    If i'mport's items add up to its total (`is_consistent`), an item with our number counts wholly: then the ledger
    has no room because another cancel was taken back. `is_alone`: no other item is new.
    """
    if live is None or claimed.own is None:
        return None
    key, item = claimed.own
    is_whole = is_consistent and claimed.evidence is Evidence.NUMBER
    amount = item.amount if is_whole else min(item.amount, room)
    if live.payment.has_promotion and is_alone:  # the item may count after the discount, and the total before it
        amount = max(amount, min(room, live.amount))
    if amount <= 0:
        return None
    return Own(live, item, key, amount, claimed.evidence, claimed.evidence.is_weak or amount != live.amount)


def _new_steps(
    records: Sequence[RefundRecord],
    shown: GatewayPayment,
    reading: Reading,
    *,
    fresh: Sequence[Keyed],
    claimed: Claimed,
    own: Own | None,
    total: Decimal,
) -> list[Step]:
    """Return the steps of the items that are new, and of the money that no item shows."""
    steps: list[Step] = []
    left = shown.cancel_amount - total - (own.amount if own else 0)
    skipped = {key for key, _item in claimed.held} | ({claimed.own[0]} if claimed.own else set())
    for key, item in fresh:
        if own is not None and key == own.key:
            steps.append(own)
            total += own.amount
        elif key not in skipped and item.amount <= left:
            steps.append(Import(item, key, before=total, late=_given_up_refund_named(records, item)))
            total += item.amount
            left -= item.amount
    live = None if own else next((record for record in records if record.is_live), None)
    if live is not None and claimed.own is None and not claimed.held:
        without_item = _own_without_item(live, left, shown, reading)
        if without_item is not None:
            steps.append(without_item)
            total, left, live = total + without_item.amount, left - without_item.amount, None
    is_contested = claimed.own is not None or bool(claimed.held)
    if live is not None and (is_contested or (left and not reading.is_refusal)):
        steps.append(Wait(live))
    elif left > 0:
        steps.append(Remainder(Cancellation(left, shown.cancelled_at), before=total))
    return steps


def _own_without_item(live: RefundRecord, left: Decimal, shown: GatewayPayment, reading: Reading) -> Own | None:
    """Return the step that takes money of the total, which no item explains, as the live refund's; None to wait.

    `left` is that money. It is less than requested if a promotion applies, or if part of the cancel was taken back.
    """
    if left <= 0 or reading is Reading.DURING:
        return None
    may_be_less = not settles_later(live.payment)
    if live.status == RefundStatus.PENDING or reading.is_refusal:
        may_be_less = live.payment.has_promotion
    if left < live.amount and not may_be_less:
        return None
    amount = min(left, live.amount)
    is_sure = left == live.amount and (reading is Reading.ANSWER or live.status == RefundStatus.PENDING)
    item = Cancellation(amount, shown.cancelled_at)
    return Own(live, item, "", amount, Evidence.ANSWER if is_sure else Evidence.TOTAL, needs_review=not is_sure)


def _given_up_refund_named(records: Iterable[RefundRecord], item: Cancellation) -> RefundRecord | None:
    """Return the failed refund whose number the item bears: one that was given up, and executed after all."""
    ended = (record for record in records if record.status == RefundStatus.FAILED)
    return next((record for record in ended if record.number in item.reason), None)


def _sum(items: Iterable[Keyed]) -> Decimal:
    return sum((item.amount for _key, item in items), Decimal(0))
