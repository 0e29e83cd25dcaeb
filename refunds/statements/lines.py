"""The lines of a statement: one per PG, payment method and currency. Values only; nothing is read here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Self

from core.money import KRW, quantize

ZERO = Decimal(0)
Key = tuple[str, str, str]  # PG, payment method, currency


@dataclass(frozen=True, slots=True)
class Sums:
    """Hold a count and a sum; major units of the line's currency."""

    count: int = 0
    amount: Decimal = ZERO

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.count + other.count, self.amount + other.amount)

    def as_json(self, currency: str) -> dict[str, Any]:
        return {"count": self.count, "amount": f"{quantize(self.amount, currency):f}"}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(stored["count"], Decimal(stored["amount"]))


@dataclass(frozen=True, slots=True)
class Movements:
    """The movements of one kind: all of them, those with a date in an earlier month, and their parts.

    `parted` is the part of the amount whose VAT and tax-free part are known. `fee` is in KRW.
    """

    sums: Sums = field(default_factory=Sums)
    earlier: Sums = field(default_factory=Sums)
    fee: Decimal = ZERO
    parted: Decimal = ZERO
    vat: Decimal = ZERO
    tax_free: Decimal = ZERO

    def __add__(self, other: "Movements") -> "Movements":
        return Movements(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def as_json(self, currency: str) -> dict[str, Any]:
        parts = {name: f"{quantize(getattr(self, name), currency):f}" for name in ("parted", "vat", "tax_free")}
        return {
            **self.sums.as_json(currency),
            "earlier": self.earlier.as_json(currency),
            "fee": f"{quantize(self.fee, KRW):f}",
            **parts,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        parts = (Decimal(stored[name]) for name in ("fee", "parted", "vat", "tax_free"))
        return cls(Sums.from_json(stored), Sums.from_json(stored["earlier"]), *parts)


@dataclass(frozen=True, slots=True)
class Line:
    """Hold what one PG moved by one method in one currency. `open`: refunds not settled when the month ended."""

    pg_provider: str
    pay_method: str
    currency: str
    paid: Movements = field(default_factory=Movements)
    refunded: Movements = field(default_factory=Movements)
    reversed: Movements = field(default_factory=Movements)
    open: Sums = field(default_factory=Sums)

    @property
    def key(self) -> Key:
        return self.pg_provider, self.pay_method, self.currency

    @property
    def net(self) -> Decimal:
        """Return what is left: paid less refunded, plus reversed."""
        return self.paid.sums.amount - self.net_refunded

    @property
    def net_refunded(self) -> Decimal:
        return self.refunded.sums.amount - self.reversed.sums.amount

    @property
    def fee(self) -> Decimal:
        return self.refunded.fee - self.reversed.fee

    @property
    def vat(self) -> Decimal:
        return self.refunded.vat - self.reversed.vat

    @property
    def tax_free(self) -> Decimal:
        return self.refunded.tax_free - self.reversed.tax_free

    @property
    def supply(self) -> Decimal:
        return self.refunded.parted - self.reversed.parted - self.vat - self.tax_free

    @property
    def unknown(self) -> Decimal:
        """Return the refunded amount whose tax parts are not known. With the three parts it is `net_refunded`."""
        return self.net_refunded - (self.refunded.parted - self.reversed.parted)

    @property
    def earlier(self) -> Sums:
        """Return how many movements have a date in an earlier month, and what they add to `net`."""
        paid, refunded, back = self.paid.earlier, self.refunded.earlier, self.reversed.earlier
        return Sums(paid.count + refunded.count + back.count, paid.amount - refunded.amount + back.amount)

    @property
    def is_empty(self) -> bool:
        return not any(each.count for each in (self.paid.sums, self.refunded.sums, self.reversed.sums, self.open))

    def __add__(self, other: "Line") -> "Line":
        """Add another line of the same currency: the sum is of no PG and no method."""
        amounts = {
            name: getattr(self, name) + getattr(other, name) for name in ("paid", "refunded", "reversed", "open")
        }
        return Line("", "", self.currency, **amounts)

    def as_json(self) -> dict[str, Any]:
        return {
            "pg_provider": self.pg_provider,
            "pay_method": self.pay_method,
            "currency": self.currency,
            "paid": self.paid.as_json(self.currency),
            "refunded": self.refunded.as_json(self.currency),
            "reversed": self.reversed.as_json(self.currency),
            "open": self.open.as_json(self.currency),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            stored["pg_provider"],
            stored["pay_method"],
            stored["currency"],
            paid=Movements.from_json(stored["paid"]),
            refunded=Movements.from_json(stored["refunded"]),
            reversed=Movements.from_json(stored["reversed"]),
            open=Sums.from_json(stored["open"]),
        )


def totals(lines: Iterable[Line]) -> list[Line]:
    """Return the sum of each currency's lines, won first."""
    by_currency: dict[str, Line] = {}
    for line in lines:
        by_currency[line.currency] = by_currency.get(line.currency, Line("", "", line.currency)) + line
    return sorted(by_currency.values(), key=lambda line: (line.currency != KRW, line.currency))
