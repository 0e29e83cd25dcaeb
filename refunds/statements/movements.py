"""The movements of an open month, read from the ledger: what was paid, refunded and reversed.

A payment counts on the day it was paid, a refund on the day i'mport refunded it, and a reversal on the day it was
accepted, as in the ledger. Test payments count nowhere.
"""

from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Coalesce

from core.fields import AmountField
from payments.models import PAYMENT_TIME, Payment
from refunds.models import MovementKind, RefundRecord, RefundReversal, StatementEntry
from refunds.policies import merchant_fee
from refunds.policies.tax_split import TaxSplit, split_of
from refunds.statements.months import Day, Period
from refunds.statements.parts import fee_of_refund, parts_of_refund

ZERO = Decimal(0)
# With its type, which PostgreSQL needs to add it up.
_NOTHING = Cast(Value(None), AmountField(null=True))
# What every movement has, under the names of an entry's columns.
COLUMNS = (
    "kind",
    "payment_id",
    "refund_id",
    "at",
    "pg_provider",
    "pay_method",
    "currency",
    "amount",
    "fee",
    "vat",
    "tax_free",
)
# The model's own fields have some of these names.
PREFIX = "entry_"
NAMES = tuple(f"{PREFIX}{column}" for column in COLUMNS)


def paid(period: Period, day: Day | None = None) -> list[QuerySet[Payment]]:
    """Return the payments of the month, and those of earlier months that were booked late, annotated with `NAMES`.

    With `day` only those of this day of the month; so for `refunded`.
    """
    rows = Payment.objects.real().ever_paid().alias(time=PAYMENT_TIME)
    if period.any_entries:
        rows = rows.filter(~Exists(StatementEntry.objects.filter(kind=MovementKind.PAID, payment=OuterRef("pk"))))
    start, end = day or (period.start, period.end)
    wanted = [Q(time__gte=start, time__lt=end)]
    if period.late_since is not None and day is None:
        wanted.append(Q(time__lt=period.start, updated_at__gte=period.late_since))
    values: dict[str, Any] = {
        "payment_id": F("pk"),
        "refund_id": Cast(Value(None), BigIntegerField(null=True)),
        "at": F("time"),
    }
    return [_annotated(rows.filter(each), MovementKind.PAID, amount=F("amount"), **values) for each in wanted]


def refunded(period: Period, day: Day | None = None) -> list[QuerySet[RefundRecord]]:
    """Return the refunds of the month, and the late ones, annotated with `NAMES`."""
    start, end = day or (period.start, period.end)
    rows = RefundRecord.objects.real().succeeded()
    if period.any_entries:
        rows = rows.filter(~Exists(StatementEntry.objects.filter(kind=MovementKind.REFUNDED, refund=OuterRef("pk"))))
    # i'mport does not tell the time of each cancel.
    own = Q(cancelled_at__gte=start, cancelled_at__lt=end)
    own |= Q(cancelled_at=None, settled_at__gte=start, settled_at__lt=end)
    wanted = [own]
    if period.late_since is not None and day is None:
        is_earlier = Q(cancelled_at__lt=period.start) | Q(cancelled_at=None, settled_at__lt=period.start)
        wanted.append(is_earlier & Q(settled_at__gte=period.late_since))
    vat, tax_free = parts_of_refund(settings.IAMPORT_CONTRACTS)
    values = {
        "payment_id": F("payment_id"),
        "refund_id": F("pk"),
        "at": Coalesce("cancelled_at", "settled_at"),
        "fee": fee_of_refund(settings.VBANK_REFUND_FEE),
        "vat": vat,
        "tax_free": tax_free,
    }
    kind = MovementKind.REFUNDED
    return [_annotated(rows.filter(each), kind, "payment__", amount=F("cancelled_amount"), **values) for each in wanted]


def _annotated(rows: QuerySet[Any], kind: MovementKind, payment: str = "", **values: Any) -> QuerySet[Any]:
    """Add the columns of an entry. `payment` leads from the rows to their payment."""
    every = {
        "kind": Value(kind.value),
        **{name: F(f"{payment}{name}") for name in ("pg_provider", "pay_method", "currency")},
        "fee": Value(ZERO, AmountField()),
        "vat": _NOTHING,
        "tax_free": _NOTHING,
        **values,
    }
    annotated: QuerySet[Any] = rows.order_by().annotate(**{f"{PREFIX}{column}": every[column] for column in COLUMNS})
    return annotated


def reversed_entries(period: Period) -> Iterator[StatementEntry]:
    """Yield the reversals of the month, and the late ones, as entries that are not stored. There are few."""
    rows = RefundReversal.objects.filter(refund__payment__sandbox=False).select_related("refund__payment")
    if period.any_entries:
        rows = rows.filter(~Exists(StatementEntry.objects.filter(kind=MovementKind.REVERSED, reversal=OuterRef("pk"))))
    wanted = Q(created_at__gte=period.start, created_at__lt=period.end)
    if period.late_since is not None:
        wanted |= Q(created_at__lt=period.start, created_at__gte=period.late_since)
    earlier = RefundReversal.objects.filter(refund=OuterRef("refund"), pk__lt=OuterRef("pk")).order_by()
    summed = Subquery(earlier.values("refund").annotate(sum=Sum("amount")).values("sum"), output_field=AmountField())
    for reversal in rows.filter(wanted).annotate(before=Coalesce(summed, ZERO)).order_by("pk"):
        yield _reversal_entry(reversal, reversal.before)


def _reversal_entry(reversal: RefundReversal, before: Decimal) -> StatementEntry:
    """Return the entry of a reversal; `before` was reversed of its refund already.

    It takes back the parts that the refund has no longer, and the fee with the last part.
    """
    refund, payment = reversal.refund, reversal.refund.payment
    had, has = _split_after(refund, before), _split_after(refund, before + reversal.amount)
    is_all = before + reversal.amount == refund.booked_amount
    return StatementEntry(
        kind=MovementKind.REVERSED,
        payment=payment,
        refund=refund,
        reversal=reversal,
        at=reversal.created_at,
        pg_provider=payment.pg_provider,
        pay_method=payment.pay_method,
        currency=payment.currency,
        amount=reversal.amount,
        fee=merchant_fee(payment, settings.VBANK_REFUND_FEE) if is_all else ZERO,
        vat=_less(had.vat, ZERO if is_all else has.vat),
        tax_free=_less(had.tax_free, ZERO if is_all else has.tax_free),
    )


def _split_after(refund: RefundRecord, reversed_amount: Decimal) -> TaxSplit:
    """Return the parts of a refund of which so much was reversed."""
    then = copy(refund)
    then.reversed_amount = reversed_amount
    return split_of(then, settings.IAMPORT_CONTRACTS)


def _less(had: Decimal | None, has: Decimal | None) -> Decimal | None:
    return None if had is None or has is None else had - has
