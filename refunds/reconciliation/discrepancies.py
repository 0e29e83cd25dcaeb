"""Compare a payment of ours with what i'mport shows."""

from collections.abc import Iterable

from django.db.models import Prefetch

from core.money import format_money
from payments.gateway import GatewayPayment
from payments.models import Payment
from refunds.ledger import booked_keys, cancellation_keys, parts_shown
from refunds.models import Discrepancy, DiscrepancyKind, RefundRecord, RefundStatus


def ledger_of(shown: Iterable[GatewayPayment]) -> dict[str, Payment]:
    """Return our side of these payments by i'mport's number, with the refunds that count."""
    refunds = RefundRecord.objects.counting()
    ours = Payment.objects.filter(imp_uid__in=[theirs.imp_uid for theirs in shown])
    return {payment.imp_uid: payment for payment in ours.prefetch_related(Prefetch("refunds", refunds))}


def find_discrepancies(ours: Payment | None, theirs: GatewayPayment) -> list[Discrepancy]:
    """Return how our payment (with its refunds prefetched) differs from what i'mport shows; unsaved."""
    if ours is None:
        amount = format_money(theirs.amount, theirs.currency)
        missing = Discrepancy(imp_uid=theirs.imp_uid, merchant_uid=theirs.merchant_uid[:40], theirs=amount)
        missing.kind = DiscrepancyKind.MISSING_HERE
        return [missing]
    refunds = list(ours.refunds.all())
    done = [refund for refund in refunds if refund.status == RefundStatus.SUCCEEDED]
    found = [discrepancy(ours, DiscrepancyKind.OPEN_REFUND, refund.number) for refund in refunds if refund.is_live]
    pairs = (
        (DiscrepancyKind.AMOUNT, ours.amount, theirs.amount),
        (DiscrepancyKind.REFUNDED, ours.cancel_amount, theirs.cancel_amount),
    )
    for kind, here, there in pairs:
        if here != there:
            texts = (format_money(here, ours.currency), format_money(there, theirs.currency))
            found.append(discrepancy(ours, kind, *texts))
    known = booked_keys(done, parts_shown(done))
    unbooked = [key for key, _item in cancellation_keys(theirs.cancel_history) if key not in known]
    # A cancel known only from i'mport's total has no item of its own, and is not counted twice.
    without_item = sum(not refund.cancellation_id for refund in done)
    if len(unbooked) > without_item:
        found.append(discrepancy(ours, DiscrepancyKind.RECORDS, str(len(done)), str(len(theirs.cancel_history))))
    if ours.status != theirs.status:
        found.append(discrepancy(ours, DiscrepancyKind.STATUS, ours.status, theirs.status))
    return found


def discrepancy(ours: Payment, kind: DiscrepancyKind, here: str, there: str = "") -> Discrepancy:
    """Return an unsaved discrepancy of one of our payments."""
    return Discrepancy(
        imp_uid=ours.imp_uid, merchant_uid=ours.merchant_uid, kind=kind, ours=here[:100], theirs=there[:100]
    )
