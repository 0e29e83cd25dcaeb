"""Compare a payment of ours with what i'mport shows."""

from collections.abc import Iterable

from django.db.models import Prefetch
from django.utils import timezone

from payments.gateway import GatewayPayment
from payments.models import Payment
from refunds.lease import lease_is_over
from refunds.ledger import booked_keys, cancellation_keys, parts_shown
from refunds.models import Discrepancy, DiscrepancyKind, RefundRecord, RefundStatus


def ledger_of(shown: Iterable[GatewayPayment]) -> dict[str, Payment]:
    """Return our side of these payments by i'mport's number, with the refunds that count."""
    refunds = RefundRecord.objects.counting()
    ours = Payment.objects.filter(imp_uid__in=[theirs.imp_uid for theirs in shown])
    return {payment.imp_uid: payment for payment in ours.prefetch_related(Prefetch("refunds", refunds))}


def find_discrepancies(ours: Payment | None, theirs: GatewayPayment) -> list[Discrepancy]:
    """Return how our payment (with its refunds prefetched) differs from what i'mport shows; unsaved.

    A refund that waits for the PG is among them with `is_waiting`: nothing differs by it.
    """
    if ours is None:
        return [_missing_here(theirs)]
    refunds = list(ours.refunds.all())
    done = [refund for refund in refunds if refund.status == RefundStatus.SUCCEEDED]
    found = [_open_refund(ours, refund) for refund in refunds if refund.is_live]
    pairs = (
        (DiscrepancyKind.AMOUNT, ours.amount, theirs.amount),
        (DiscrepancyKind.REFUNDED, ours.cancel_amount, theirs.cancel_amount),
    )
    found += [discrepancy(ours, kind, f"{here:f}", f"{there:f}") for kind, here, there in pairs if here != there]
    known = booked_keys(done, parts_shown(done))
    unbooked = [key for key, _item in cancellation_keys(theirs.cancel_history) if key not in known]
    # A cancel known only from i'mport's total has no item of its own, and is not counted twice.
    without_item = sum(not refund.cancellation_id for refund in done)
    if len(unbooked) > without_item:
        found.append(discrepancy(ours, DiscrepancyKind.RECORDS, str(len(done)), str(len(theirs.cancel_history))))
    if ours.status != theirs.status:
        found.append(discrepancy(ours, DiscrepancyKind.STATUS, ours.status, theirs.status))
    for one in found:
        one.currency, one.refunded_there = theirs.currency, theirs.cancel_amount
    return found


def missing_there(ours: Payment) -> Discrepancy:
    """Return that i'mport does not know this payment of ours; unsaved."""
    return discrepancy(ours, DiscrepancyKind.MISSING_THERE, f"{ours.amount:f}")


def discrepancy(ours: Payment, kind: DiscrepancyKind, here: str, there: str = "") -> Discrepancy:
    """Return an unsaved discrepancy of one of our payments."""
    return Discrepancy(
        imp_uid=ours.imp_uid,
        merchant_uid=ours.merchant_uid,
        kind=kind,
        ours=here[:100],
        theirs=there[:100],
        currency=ours.currency,
        refunded_here=ours.cancel_amount,
    )


def _missing_here(theirs: GatewayPayment) -> Discrepancy:
    return Discrepancy(
        imp_uid=theirs.imp_uid,
        merchant_uid=theirs.merchant_uid[:40],
        kind=DiscrepancyKind.MISSING_HERE,
        theirs=f"{theirs.amount:f}",
        currency=theirs.currency,
        refunded_there=theirs.cancel_amount,
    )


def _open_refund(ours: Payment, refund: RefundRecord) -> Discrepancy:
    """Return an open refund. It waits, unless nobody knows what became of it."""
    found = discrepancy(ours, DiscrepancyKind.OPEN_REFUND, refund.number)
    is_sent = refund.status == RefundStatus.REQUESTED and not lease_is_over(refund, timezone.now())
    found.is_waiting = refund.status == RefundStatus.PENDING or is_sent
    return found
