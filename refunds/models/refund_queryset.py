"""Selections of refund records."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from refunds.models.refund_states import FINAL_STATUSES, LIVE_STATUSES, RefundStatus

if TYPE_CHECKING:
    from refunds.models.refunds import RefundRecord  # noqa: F401 - the base class names it


def _between(name: str, start: datetime | None, end: datetime | None) -> Q:
    """Return the condition of a time in [start, end); None is no limit."""
    bounds = {f"{name}__gte": start, f"{name}__lt": end}
    return Q(**{lookup: bound for lookup, bound in bounds.items() if bound is not None})


class RefundRecordQuerySet(models.QuerySet["RefundRecord"]):
    def live(self) -> Self:
        """Refunds whose outcome is still open; at most one per payment."""
        return self.filter(status__in=LIVE_STATUSES)

    def ended(self) -> Self:
        """Refunds that succeeded or failed."""
        return self.filter(status__in=FINAL_STATUSES)

    def counting(self) -> Self:
        """Refunds that took money, or may still take it: all but the failed ones."""
        return self.exclude(status=RefundStatus.FAILED)

    def real(self) -> Self:
        """Refunds of real money: not those of test payments."""
        return self.filter(payment__sandbox=False)

    def needing_review(self) -> Self:
        """Refunds that a member of staff has to look at."""
        return self.filter(needs_review=True)

    def unresolved(self, now: datetime) -> Self:
        """Refunds that are unknown or pending, or requested so long ago that their process must be gone."""
        lease_began = now - timedelta(seconds=settings.REFUND_LEASE_SECONDS)
        return self.live().filter(~Q(status=RefundStatus.REQUESTED) | Q(requested_at__lt=lease_began))

    def due(self, now: datetime) -> Self:
        """Unresolved refunds whose next comparison with i'mport is due."""
        return self.unresolved(now).filter(Q(next_check_at=None) | Q(next_check_at__lte=now))

    def shown_total(self) -> Decimal:
        """The sum of the refunds' `shown_amount` minus reversals, in major units; they must be of one currency."""
        amount = Coalesce("cancelled_amount", "amount") - F("reversed_amount")
        total: Decimal | None = self.aggregate(total=Sum(amount))["total"]
        return total or Decimal(0)

    def open_first(self) -> Self:
        """Order by: the open refund first, then the newest."""
        return self.alias(is_open=Q(status__in=LIVE_STATUSES)).order_by("-is_open", "-requested_at", "-id")

    def succeeded(self) -> Self:
        return self.filter(status=RefundStatus.SUCCEEDED)

    def refunded_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Refunds that i'mport executed in [start, end); None is no limit. Of some it shows no time: then ours."""
        executed, booked = _between("cancelled_at", start, end), _between("settled_at", start, end)
        return self.succeeded().filter(executed | Q(cancelled_at=None) & booked) if start or end else self

    def failed_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Refunds that failed in [start, end); None is no limit."""
        return self.filter(_between("settled_at", start, end), status=RefundStatus.FAILED)
