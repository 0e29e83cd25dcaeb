"""When the money of a refund usually arrives: the rules of `policies` with the business days of this shop."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from core.dates import parse_moment, seoul_date
from payments.models import Payment
from refunds.models import BusinessDayException, RefundRecord, RefundStatus
from refunds.policies import ArrivalDays, add_business_days, arrival_days, usual_arrival

LATE_AFTER = 5  # business days that a PG may take to execute what it accepted
ASK_PG_AFTER = 2  # business days after the latest usual day


def business_day_exceptions() -> dict[date, bool]:
    """Read the days on which this shop contradicts the calendar."""
    return dict(BusinessDayException.objects.order_by().values_list("day", "is_business_day"))


def expected_arrival(payment: Payment, *, amount: Decimal, cancelled_at: datetime | None) -> ArrivalDays | None:
    """Return on which days `amount`, refunded at `cancelled_at`, usually arrives; None where nobody says."""
    if cancelled_at is None or payment.sandbox:
        return None
    arrival = usual_arrival(payment, cancelled_at=cancelled_at, in_full=amount == payment.amount)
    if arrival is None or arrival.last is None:
        return None
    exceptions = business_day_exceptions() if arrival.last else {}
    return arrival_days(arrival, cancelled_on=seoul_date(cancelled_at), exceptions=exceptions)


def expected_by(payment: Payment, *, amount: Decimal, cancelled_at: datetime | None) -> date | None:
    """Return the latest of these days."""
    days = expected_arrival(payment, amount=amount, cancelled_at=cancelled_at)
    return days.latest if days else None


def accepted_before(now: datetime) -> datetime:
    """Return the time before which a refund that still waits for its PG must have been requested to be late."""
    day = add_business_days(seoul_date(now), -LATE_AFTER, business_day_exceptions())
    return parse_moment(day)


def late_refunds(refunds: QuerySet[RefundRecord]) -> QuerySet[RefundRecord]:
    """Keep the refunds that the PG has not executed for days, and those whose buyer says that nothing came.

    Of what was taken back in full, nothing is to come.
    """
    waits = Q(status=RefundStatus.PENDING, requested_at__lt=accepted_before(timezone.now()))
    return refunds.filter(waits | Q(not_received_at__isnull=False, cancelled_amount__gt=F("reversed_amount")))


def is_late(refund: RefundRecord) -> bool:
    """Return whether this refund is one of `late_refunds`."""
    if refund.status == RefundStatus.PENDING:
        return refund.requested_at < accepted_before(timezone.now())
    return refund.not_received_at is not None and refund.net_amount > 0


@dataclass(frozen=True, slots=True)
class ArrivalStanding:
    """How things stand with the money of a refund that was made: still under way, due, or to be asked for at the PG."""

    days: ArrivalDays | None
    may_be_missed: bool
    ask_pg: bool


def arrival_standing(refund: RefundRecord) -> ArrivalStanding | None:
    """Return how things stand today; None unless the refund was made, is of real money and was not taken back."""
    if refund.status != RefundStatus.SUCCEEDED or refund.payment.sandbox or refund.net_amount <= 0:
        return None
    days = expected_arrival(refund.payment, amount=refund.booked_amount, cancelled_at=refund.cancelled_at)
    latest, today = refund.expected_by, seoul_date(timezone.now())
    if latest is None:
        return ArrivalStanding(days, may_be_missed=True, ask_pg=refund.not_received_at is not None)
    ask_on = add_business_days(latest, ASK_PG_AFTER, business_day_exceptions())
    return ArrivalStanding(days, may_be_missed=today > latest, ask_pg=today > ask_on)
