"""What the last comparison of a month with i'mport said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from django.utils.dateparse import parse_datetime

from core.money import quantize
from refunds.models import ReconciliationReport, Refunded
from refunds.statements.months import Period

# A period that was entered in days may end with its last second.
_LAST_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The newest finished comparison of the whole month, made after its end. `report` None: there is none.

    `differing` counts the payments that still differ. `sums` is what is refunded of all payments that were paid or
    refunded in its period, here and at i'mport.
    """

    report: int | None = None
    at: datetime | None = None
    differing: int = 0
    sums: tuple[Refunded, ...] = ()

    @property
    def agrees(self) -> bool:
        return self.report is not None and not self.differing and not any(each.difference for each in self.sums)

    def as_json(self) -> dict[str, Any]:
        sums = [
            {
                "currency": each.currency,
                "refunded_here": f"{quantize(each.here, each.currency):f}",
                "refunded_at_iamport": f"{quantize(each.there, each.currency):f}",
                "difference": f"{quantize(each.difference, each.currency):f}",
            }
            for each in self.sums
        ]
        at = self.at.isoformat() if self.at else None
        return {"report": self.report, "at": at, "agrees": self.agrees, "differing": self.differing, "sums": sums}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        sums = (
            Refunded(each["currency"], Decimal(each["refunded_here"]), Decimal(each["refunded_at_iamport"]))
            for each in stored.get("sums", ())
        )
        at = stored.get("at")
        return cls(stored.get("report"), parse_datetime(at) if at else None, stored.get("differing", 0), tuple(sums))


def last_comparison(period: Period) -> Comparison:
    """Return the newest comparison that covers the month, began after it and came to its end."""
    covering = ReconciliationReport.objects.filter(
        since__lte=period.start,
        until__gte=period.end - _LAST_MOMENT,
        started_at__gte=period.end,  # the command also compares up to a day that is still to come
        finished_at__isnull=False,
        error="",
    )
    report = covering.order_by("-pk").first()
    if report is None:
        return Comparison()
    return Comparison(report.pk, report.finished_at, report.remaining, tuple(report.refunded))
