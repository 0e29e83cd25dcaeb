"""Compare the ledger with the sandbox i'mport, payment by payment and to the won.

Shares no code with reconcile: reads our tables and the sandbox's own record, which no fault changes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from payments.models import Payment
from refunds.models import RefundRecord

Truth = dict[str, Any]  # one payment as the sandbox's control API shows it


def differences(truth: Iterable[Truth]) -> list[str]:
    """Return a sentence for each difference between the ledger and i'mport."""
    return [sentence for shown in truth for sentence in payment_differences(shown)]


def payment_differences(shown: Truth) -> Iterator[str]:
    uid = shown["imp_uid"]
    payment = Payment.objects.filter(imp_uid=uid).first()
    if payment is None:
        yield f"{uid}: missing in the ledger"
        return
    done = list(payment.refunds.succeeded())
    booked = sum((record.net_amount for record in done), Decimal(0))
    history = shown["cancel_history"]
    if not payment.cancel_amount == booked == Decimal(shown["cancel_amount"]):
        yield f"{uid}: payment {payment.cancel_amount}, records {booked}, i'mport {shown['cancel_amount']}"
    if len(done) != len(history):
        yield f"{uid}: {len(done)} refunds succeeded, i'mport executed {len(history)}"
    if payment.status != shown["status"]:
        yield f"{uid}: status {payment.status}, i'mport {shown['status']}"
    theirs = Counter((item.get("cancellation_id", ""), Decimal(item["amount"])) for item in history)
    # Of an item that i'mport showed without its id, the ledger has a made-up one.
    named = Counter(
        (record.cancellation_id, record.booked_amount) for record in done if "/" not in record.cancellation_id
    )
    amounts = Counter(record.booked_amount for record in done)
    if named - theirs or amounts != Counter(amount for _id, amount in theirs.elements()):
        yield f"{uid}: not the same cancels: {sorted(map(str, named - theirs))} of {sorted(map(str, theirs))}"


def doubled(truth: Iterable[Truth]) -> list[str]:
    """Return the refund numbers that i'mport executed more than once."""
    executed = executions(truth)
    return [number for number in RefundRecord.objects.values_list("number", flat=True) if executed[number] > 1]


def executions(truth: Iterable[Truth]) -> Counter[str]:
    """Count the cancels that i'mport executed per refund number (the first word of their reasons)."""
    reasons = (item["reason"] or "" for shown in truth for item in shown["cancel_history"])
    return Counter(reason.partition(" ")[0] for reason in reasons)


def unresolved() -> list[str]:
    """Return the open refunds."""
    return [f"{record.number}: {record.status}" for record in RefundRecord.objects.live()]


def was_executed(record: RefundRecord, executed: Counter[str]) -> bool:
    """Tell whether i'mport moved money for this refund, by its refund number there."""
    return executed[record.number] > 0
