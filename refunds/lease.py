"""The lease of a refund: how long its call to i'mport may take before the record counts as unknown."""

from datetime import datetime, timedelta

from django.conf import settings

from refunds.models import RefundRecord


def lease_is_over(record: RefundRecord, now: datetime) -> bool:
    """Return whether the call made for this record must have ended by now, one way or the other."""
    return now - record.requested_at > timedelta(seconds=settings.REFUND_LEASE_SECONDS)


def longest_call() -> float:
    """Return the seconds that a refund's call to i'mport can take, with a new token and a reading after a refusal."""
    return float(2 * settings.IAMPORT_CONNECT_TIMEOUT + 3 * settings.IAMPORT_READ_TIMEOUT)
