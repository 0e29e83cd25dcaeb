"""Close months of random payments, refunds and reversals, and compare each statement with naive sums in Python.

`python -m chaos.month_close` runs it with as many refunds as wanted, a test with a few hundred.

Every movement must be in exactly one closed month, won by won, and a closed month must never change.
"""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from unittest import mock

from django.conf import settings
from django.db.models import F, Sum

from core.dates import add_months, parse_moment
from payments.models import Payment
from refunds.inputs import Actor
from refunds.models import RefundRecord, RefundReversal, StatementEntry, StatementMonth
from refunds.policies import merchant_fee
from refunds.policies.tax_split import TaxSplit, split_of
from refunds.statements.closing import close_month
from refunds.statements.lines import Key, Line, Movements, Sums
from refunds.statements.read import statement_of

FIRST, MONTHS = date(2025, 1, 1), 6
CHANNELS = (("html5_inicis", "card"), ("nice", "vbank"), ("kcp", "trans"), ("paypal_v2", "paypal"), ("uplus", "vbank"))
REQUESTED = {"requested_by_name": "model", "reason": "변심"}
ZERO = Decimal(0)


class Moved(NamedTuple):
    """One movement in the naive books: `at` is its own date, `booked` when it came into the ledger."""

    kind: str
    pk: int
    at: datetime
    booked: datetime
    payment: Payment
    amount: Decimal
    fee: Decimal = ZERO
    split: TaxSplit = TaxSplit()


class Model:
    """A shop that lives through `MONTHS` months and closes each some days after its end.

    `books` are the movements that are in no closed month yet.
    """

    def __init__(self, *, refunds: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.per_day = max(1, round(refunds / (MONTHS * 30)))
        self.books: list[Moved] = []
        self.refunds: list[RefundRecord] = []
        self.unpaid: list[Payment] = []
        self.waiting: list[tuple[datetime, RefundRecord]] = []
        self.closed: dict[date, list[Line]] = {}
        self.seen: set[tuple[str, int]] = set()
        self.count = 0

    def run(self) -> None:
        day, next_close = FIRST, add_months(FIRST, 1) + timedelta(days=3)
        last = add_months(FIRST, MONTHS) + timedelta(days=20)
        while day <= last:
            self._live(day)
            if day >= next_close:
                month = self._close_all_before(day)
                # Sometimes two months later: then two are closed on one day.
                ahead = 2 if self.random.random() < 0.3 else 1
                next_close = add_months(month, ahead) + timedelta(days=self.random.randrange(10))
            day += timedelta(days=1)
        self._close_all_before(last)
        self.check()

    # --- what happens on a day ---------------------------------------------------------------------------------

    def _live(self, day: date) -> None:
        self._settle(day)
        self._pay_late(day)
        payments = [self._payment(day) for _ in range(self.per_day)]
        Payment.objects.bulk_create(payments, batch_size=1000)
        self._touch(payments, self._booked(day))
        refunds = [refund for payment in payments for refund in self._refunds_of(payment, day)]
        RefundRecord.objects.bulk_create(refunds, batch_size=1000)
        for refund in refunds:
            if refund.status == "succeeded":
                self._note_refund(refund)
        self.refunds += refunds
        self._reverse(day)

    def _booked(self, day: date) -> datetime:
        """Return when this day's work is booked: an hour before a month may be closed."""
        return parse_moment(day) + timedelta(hours=22)

    def _time(self, day: date) -> datetime:
        """Return when something happened that is booked on this day: mostly then, sometimes weeks before."""
        at = parse_moment(day) + timedelta(seconds=self.random.randrange(22 * 3600))
        if self.random.random() < 0.2:
            at -= timedelta(days=self.random.randrange(60))
        return max(at, parse_moment(FIRST))

    def _payment(self, day: date) -> Payment:
        self.count += 1
        pg, method = self.random.choice(CHANNELS)
        currency = "USD" if method == "paypal" else "KRW"
        amount = Decimal(self.random.randrange(100, 5_000_000)) / (100 if currency == "USD" else 1)
        fields: dict[str, Any] = {
            "imp_uid": f"imp_model_{self.count}",
            "merchant_uid": f"model-{self.count}",
            "pg_provider": pg,
            "pay_method": method,
            "currency": currency,
            "amount": amount,
            "sandbox": self.random.random() < 0.05,
            "status": "paid",
            "paid_at": self._time(day),
        }
        if currency == "KRW" and self.random.random() < 0.2:
            fields["tax_free"] = Decimal(self.random.randrange(int(amount)))
        if currency == "KRW" and self.random.random() < 0.2:
            usual = int((amount - fields.get("tax_free", ZERO)) / 11)
            fields["vat_amount"] = Decimal(usual + self.random.choice((0, 1, 5)))
        if self.random.random() < 0.1:
            fields |= {"status": "ready", "paid_at": None}
        payment = Payment(**fields)
        if payment.status == "ready":
            self.unpaid.append(payment)
        return payment

    def _touch(self, payments: Iterable[Payment], booked: datetime) -> None:
        """Set the time of the last change, which the ORM sets to now, and book what was paid."""
        payments = list(payments)
        for start in range(0, len(payments), 500):
            keys = [payment.pk for payment in payments[start : start + 500]]
            Payment.objects.filter(pk__in=keys).update(updated_at=booked)
        for payment in payments:
            if payment.status == "paid" and payment.paid_at is not None:
                self._note(Moved("paid", payment.pk, payment.paid_at, booked, payment, payment.amount))

    def _pay_late(self, day: date) -> None:
        """Let some unpaid orders be paid, perhaps in a month that is closed already."""
        paid = [payment for payment in self.unpaid if self.random.random() < 0.1]
        self.unpaid = [payment for payment in self.unpaid if payment not in paid] if paid else self.unpaid
        for payment in paid:
            payment.status, payment.paid_at = "paid", self._time(day)
        Payment.objects.bulk_update(paid, ["status", "paid_at"])
        self._touch(paid, self._booked(day))

    def _refunds_of(self, payment: Payment, day: date) -> list[RefundRecord]:
        """Return no, one or two refunds of a payment: done, failed, or still open."""
        left, made = payment.amount, []
        for _ in range(self.random.choice((0, 1, 1, 2)) if payment.status == "paid" else 0):
            part = left if self.random.random() < 0.5 else (left / self.random.randrange(2, 5)).quantize(Decimal(1))
            if part <= 0:
                break
            left -= part
            made.append(self._refund(payment, part, day))
            if made[-1].status == "pending" or not left:
                break
        return made

    def _refund(self, payment: Payment, amount: Decimal, day: date) -> RefundRecord:
        booked, at = self._booked(day), self._time(day)
        fields: dict[str, Any] = {
            "payment": payment,
            "amount": amount,
            "checksum": payment.amount,
            "source": "admin",
            **REQUESTED,
        }
        if payment.currency == "KRW" and self.random.random() < 0.3:
            fields["tax_free"] = Decimal(self.random.randrange(int(amount) + 1))
        if payment.currency == "KRW" and self.random.random() < 0.2:
            fields["vat_amount"] = Decimal(int((amount - fields.get("tax_free", ZERO)) / 11))
        chance = self.random.random()
        if chance < 0.1:
            refund = RefundRecord(**fields, status="pending", requested_at=booked)
            self.waiting.append((booked + timedelta(days=self.random.randrange(1, 40)), refund))
        elif chance < 0.15:
            refund = RefundRecord(**fields, status="failed", requested_at=booked, settled_at=booked)
        else:
            refund = RefundRecord(**fields, status="succeeded", requested_at=booked)
            self._succeed(refund, booked, at)
            if self.random.random() < 0.2:
                refund.source, refund.requested_at = "console", at
        return refund

    def _succeed(self, refund: RefundRecord, booked: datetime, at: datetime) -> None:
        refund.status, refund.settled_at = "succeeded", booked
        # Some PGs' cancels come without a time, or as another amount than was asked.
        refund.cancelled_at = None if self.random.random() < 0.05 else at
        is_other = self.random.random() < 0.05 and refund.amount > 1
        refund.cancelled_amount = refund.amount - 1 if is_other else refund.amount

    def _settle(self, day: date) -> None:
        due = [refund for settles, refund in self.waiting if settles <= self._booked(day)]
        self.waiting = [(settles, refund) for settles, refund in self.waiting if settles > self._booked(day)]
        for refund in due:
            if self.random.random() < 0.2:
                refund.status, refund.settled_at = "failed", self._booked(day)
            else:
                self._succeed(refund, self._booked(day), self._time(day))
                self._note_refund(refund)
        RefundRecord.objects.bulk_update(due, ["status", "settled_at", "cancelled_at", "cancelled_amount"])

    def _note_refund(self, refund: RefundRecord) -> None:
        assert refund.settled_at is not None
        at = refund.cancelled_at or refund.settled_at
        amount = refund.booked_amount
        fee, split = self._fee(refund), split_of(refund, settings.IAMPORT_CONTRACTS)
        self._note(Moved("refunded", refund.pk, at, refund.settled_at, refund.payment, amount, fee, split))

    def _fee(self, refund: RefundRecord) -> Decimal:
        return merchant_fee(refund.payment, settings.VBANK_REFUND_FEE)

    def _reverse(self, day: date) -> None:
        """Take back some refunds, in whole or in part."""
        done = self.random.sample(self.refunds, min(len(self.refunds), max(1, self.per_day // 15)))
        for refund in done:
            if refund.status != "succeeded" or not refund.net_amount:
                continue
            had = split_of(refund, settings.IAMPORT_CONTRACTS)
            part = refund.net_amount if self.random.random() < 0.6 else (refund.net_amount / 3).quantize(Decimal(1))
            if not part:
                continue
            refund.reversed_amount += part
            RefundRecord.objects.filter(pk=refund.pk).update(reversed_amount=F("reversed_amount") + part)
            at, who = self._booked(day), {"reason": "bank", "accepted_by_name": "model"}
            row = RefundReversal.objects.create(refund=refund, amount=part, seen_at=at, created_at=at, **who)
            is_all = not refund.net_amount
            fee = self._fee(refund) if is_all else ZERO
            left = TaxSplit(ZERO, ZERO, ZERO) if is_all else split_of(refund, settings.IAMPORT_CONTRACTS)
            self._note(Moved("reversed", row.pk, at, at, refund.payment, part, fee, _taken_back(had, left)))

    def _note(self, moved: Moved) -> None:
        if not moved.payment.sandbox:
            self.books.append(moved)

    # --- closing and comparing ---------------------------------------------------------------------------------

    def _close_all_before(self, day: date) -> date:
        """Close every month that is over by this evening; return the first one that is not."""
        month = min(self.closed, default=FIRST) if not self.closed else add_months(max(self.closed), 1)
        while add_months(month, 1) <= day:
            self._close(month, now=parse_moment(day) + timedelta(hours=23))
            month = add_months(month, 1)
        return month

    def _close(self, month: date, *, now: datetime) -> None:
        start, end = parse_moment(month), parse_moment(add_months(month, 1))
        belongs = [moved for moved in self.books if moved.at < end]
        self.books = [moved for moved in self.books if moved.at >= end]
        for moved in belongs:
            assert (moved.kind, moved.pk) not in self.seen
            self.seen.add((moved.kind, moved.pk))
        # In this month, or in one that was closed on the same day before it.
        refunded = {pk for kind, pk in self.seen if kind == "refunded"}
        open_ones = (refund for refund in self.refunds if refund.pk not in refunded)
        expected = _with_open(_lines(belongs, start), open_ones, end)
        shown = statement_of(month)
        assert _by_key(shown.lines) == _by_key(expected), month
        with mock.patch("refunds.statements.closing.clock.database_now", return_value=now):
            close_month(month=month, actor=Actor("model"), despite_difference=True, seen=shown.fingerprint)
        self.closed[month] = list(statement_of(month).lines)
        assert _by_key(self.closed[month]) == _by_key(expected), month
        entries = StatementEntry.objects.filter(month=month)
        assert entries.count() == len(belongs)

    def check(self) -> None:
        """Check that closed months did not change, and that all statements together are the ledger."""
        for month, lines in self.closed.items():
            assert list(statement_of(month).lines) == lines, month
        months = [*self.closed, *(add_months(max(self.closed), more) for more in (1, 2))]
        lines = [line for month in months for line in statement_of(month).lines]
        in_statements = dict.fromkeys({line.currency for line in lines}, ZERO)
        for line in lines:
            in_statements[line.currency] += line.net_refunded
        done = RefundRecord.objects.real().succeeded().order_by().values_list("payment__currency")
        in_ledger = dict(done.annotate(total=Sum(F("cancelled_amount") - F("reversed_amount"))))
        assert {key: round(value, 2) for key, value in in_ledger.items()} == in_statements
        assert StatementMonth.objects.count() == len(self.closed)


def _taken_back(had: TaxSplit, left: TaxSplit) -> TaxSplit:
    if None in (had.vat, had.tax_free, had.supply, left.vat, left.tax_free, left.supply):
        return TaxSplit()
    return TaxSplit(had.supply - left.supply, had.vat - left.vat, had.tax_free - left.tax_free)  # type: ignore[operator]


def _lines(movements: Iterable[Moved], start: datetime) -> dict[Key, Line]:
    lines: dict[Key, Line] = {}
    for moved in movements:
        payment, split = moved.payment, moved.split
        key = (payment.pg_provider, payment.pay_method, payment.currency)
        line = lines.setdefault(key, Line(*key))
        one = Sums(1, moved.amount)
        parted = ZERO if split.vat is None else moved.amount
        sums = Movements(
            one, one if moved.at < start else Sums(), moved.fee, parted, split.vat or ZERO, split.tax_free or ZERO
        )
        lines[key] = replace(line, **{moved.kind: getattr(line, moved.kind) + sums})
    return lines


def _with_open(lines: dict[Key, Line], refunds: Iterable[RefundRecord], end: datetime) -> list[Line]:
    for refund in refunds:
        payment = refund.payment
        was_open = refund.requested_at < end and (refund.settled_at is None or refund.settled_at >= end)
        if not payment.sandbox and was_open and refund.source != "console":
            key = (payment.pg_provider, payment.pay_method, payment.currency)
            line = lines.setdefault(key, Line(*key))
            lines[key] = replace(line, open=line.open + Sums(1, refund.amount))
    return list(lines.values())


def _by_key(lines: Iterable[Line]) -> dict[Key, object]:
    """Return the lines in a form in which 1 and 1.00 are equal."""
    return {line.key: line.as_json() for line in lines}
