"""Close months of random payments, refunds and reversals, and compare each statement with a naive sum in Python.

    python -m chaos.months --refunds 100000 --database postgres

Every movement must be in exactly one closed month, won by won, and a closed month must never change.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from unittest import mock

from django.conf import settings
from django.db.models import F, Sum
from django.utils import timezone

from core.dates import SEOUL, add_months, parse_moment, seoul_date
from payments.models import Payment
from refunds.inputs import Actor
from refunds.models import RefundRecord, RefundReversal, StatementEntry, StatementMonth
from refunds.policies import merchant_fee
from refunds.policies.tax_split import TaxSplit, split_of
from refunds.statements.closing import close_month
from refunds.statements.lines import Line, Movements, Sums
from refunds.statements.read import statement_of

FIRST, MONTHS = date(2025, 1, 1), 6
PGS = (("html5_inicis", "card"), ("nice", "vbank"), ("kcp", "trans"), ("paypal_v2", "paypal"), ("uplus", "vbank"))
ACTOR = Actor("the model")
ZERO = Decimal(0)
_BATCH = 2_000


class Moved(NamedTuple):
    """One movement, as the naive books keep it."""

    kind: str
    pk: int
    at: datetime
    booked: datetime
    payment: Payment
    amount: Decimal
    fee: Decimal = ZERO
    split: TaxSplit = TaxSplit()


@dataclass
class Waiting:
    """A refund that is open, and what will become of it."""

    refund: RefundRecord
    settles: datetime
    succeeds: bool


class Model:
    """A shop of several months. `books` are its movements that no month has yet, `months` the closed ones."""

    def __init__(self, *, refunds: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.per_day = max(1, round(refunds / (MONTHS * 31)))
        self.books: list[Moved] = []
        self.months: dict[date, list[dict[str, Any]]] = {}
        self.waiting: list[Waiting] = []
        self.requested: list[RefundRecord] = []
        self.refunded: list[RefundRecord] = []
        self.count = 0

    def run(self) -> None:
        """Live through the months, closing each some days after its end, sometimes two at once."""
        day, last = FIRST, add_months(FIRST, MONTHS) + timedelta(days=9)
        closes = add_months(FIRST, 1) + timedelta(days=self.random.randint(0, 9))
        while day <= last:
            self._live(day)
            if day >= closes:
                closed = self._close_what_is_over(day)
                ahead = 2 if self.random.random() < 0.3 else 1
                closes = add_months(closed, 1 + ahead) + timedelta(days=self.random.randint(0, 9))
            day += timedelta(days=1)
        self._close_what_is_over(last)
        self._check_everything()

    def _moment(self, day: date) -> datetime:
        return parse_moment(day) + timedelta(seconds=self.random.randrange(86_400))

    def _date_of(self, booked: datetime) -> datetime:
        """Return when something happened that is booked now: mostly at once, sometimes weeks before."""
        if self.random.random() < 0.85:
            return booked
        earlier = booked - timedelta(seconds=self.random.randrange(60 * 86_400))
        return max(earlier, parse_moment(FIRST))

    def _live(self, day: date) -> None:
        payments = [self._payment(self._moment(day)) for _ in range(self.per_day)]
        Payment.objects.bulk_create(payments, batch_size=_BATCH)
        refunds: list[RefundRecord] = []
        for payment in payments:
            Payment.objects.filter(pk=payment.pk).update(updated_at=payment.updated_at) if self.per_day < 50 else None
            refunds += self._refunds(payment)
        self._settle(parse_moment(day + timedelta(days=1)))
        raise NotImplementedError
