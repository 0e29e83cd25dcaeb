"""When a refund usually reaches the buyer, by method and PG: i'mport shows the cancel, and never the payout.

The facts are those of PortOne's help pages and the PGs' pages; where these differ, the later day counts. What no
page tells is None here. It is what usually happens, never a promise.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.dates import seoul_date
from payments.models import Payment
from refunds.policies import pg_facts
from refunds.policies.business_days import Exceptions, add_business_days, is_business_day


@dataclass(frozen=True, slots=True)
class Arrival:
    """The business days in Korea from the day of the cancel until the money arrives: `first` to `last`.

    `last` None: `first` or more. `on_thursday`: cancels up to Tuesday are paid on Thursday, later ones a week after.
    """

    first: int
    last: int | None
    on_thursday: bool = False


SAME_DAY = Arrival(0, 0)
BY_NEXT_DAY = Arrival(0, 1)
NEXT_DAY = Arrival(1, 1)
USUAL_VBANK = Arrival(1, 2)
CARD = Arrival(3, 5)  # once captured; card companies net it on a later bill, too
BY_HAND = Arrival(7, None)
# Only the wallet knows whether the money goes to a card, a balance or points.
WALLET_PGS = frozenset({"kakaopay", "naverpay", pg_facts.ORDER_TYPE_PG, "payco", "tosspay", "tosspay_v2"})
ON_THURSDAY = Arrival(2, 6, on_thursday=True)


@dataclass(frozen=True, slots=True)
class ArrivalDays:
    """The days from `earliest` to `latest` on which a refund usually arrives."""

    earliest: date
    latest: date


_TUESDAY, _THURSDAY = 1, 3


def arrival_days(arrival: Arrival | None, *, cancelled_on: date, exceptions: Exceptions) -> ArrivalDays | None:
    """Return the days of `arrival` for a cancel of this day in Korea; None where nobody says."""
    if arrival is None or arrival.last is None:
        return None
    if arrival.on_thursday:
        weeks = 0 if cancelled_on.weekday() <= _TUESDAY else 1
        thursday = cancelled_on + timedelta(days=_THURSDAY - cancelled_on.weekday(), weeks=weeks)
        # No page tells what becomes of a Thursday on which the banks are closed.
        return ArrivalDays(thursday, thursday) if is_business_day(thursday, exceptions) else None
    earliest = add_business_days(cancelled_on, arrival.first, exceptions)
    return ArrivalDays(earliest, add_business_days(cancelled_on, arrival.last, exceptions))


def usual_arrival(payment: Payment, *, cancelled_at: datetime, in_full: bool) -> Arrival | None:
    """Return when a refund usually arrives; None where no page tells, as of wallets and gift certificates.

    `in_full`: this one cancel gave back the whole payment.
    """
    same_day = payment.paid_at is not None and seoul_date(cancelled_at) == seoul_date(payment.paid_at)
    if payment.pay_method == "vbank":
        return _of_vbank(payment.pg_provider)
    if pg_facts.settles_later(payment) or not WALLET_PGS.isdisjoint({payment.pg_provider, payment.emb_pg_provider}):
        return None
    if payment.pay_method == "card":
        return SAME_DAY if same_day and in_full else CARD
    if payment.pay_method == "trans":
        to_account = (payment.pg_provider, payment.pay_method) in pg_facts.ACCOUNT_METHODS
        return None if to_account else SAME_DAY if same_day else BY_NEXT_DAY
    if payment.pay_method == "phone":
        return _of_phone(payment, cancelled_at, in_full=in_full)
    return None


def _of_vbank(pg: str) -> Arrival | None:
    if pg in pg_facts.NO_VBANK_PGS:
        return None
    if pg in pg_facts.NEXT_DAY_VBANK_PGS:
        return NEXT_DAY
    if pg in pg_facts.THURSDAY_VBANK_PGS:
        return ON_THURSDAY
    if pg in pg_facts.SLOW_VBANK_PGS:
        return BY_HAND
    # A PG that settles later shows the cancel once the account was paid.
    return SAME_DAY if (pg, "vbank") in pg_facts.LATER else USUAL_VBANK


def _of_phone(payment: Payment, cancelled_at: datetime, *, in_full: bool) -> Arrival | None:
    """In the month of payment it is left off the bill. Later it goes to a bank account."""
    if pg_facts.phone_month_is_over(payment, cancelled_at):
        return NEXT_DAY if payment.pg_provider in pg_facts.PHONE_LATER_CONTRACTS else None
    return SAME_DAY if in_full else None
