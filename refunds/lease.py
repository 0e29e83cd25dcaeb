"""The lease of a refund: how long its call to i'mport may take before the record counts as unknown."""

from datetime import datetime, timedelta

from django.conf import settings

from payments.gateway import Gateway, get_gateway
from refunds.models import RefundRecord


def lease_is_over(record: RefundRecord, now: datetime) -> bool:
    """Return whether the call made for this record must have ended by now, one way or the other."""
    return now > lease_end(record)


def lease_end(record: RefundRecord) -> datetime:
    """Return when the call made for this record must have ended, one way or the other."""
    return record.requested_at + timedelta(seconds=settings.REFUND_LEASE_SECONDS)


def may_call(record: RefundRecord, gateway: Gateway, now: datetime) -> bool:
    """Return whether a call that begins now ends before the lease does.

    A process that was suspended after the reservation must not send what may be given up before its call has ended.
    """
    latest_start = timedelta(seconds=max(1, settings.REFUND_LEASE_SECONDS - longest_call(gateway)))
    return now - record.requested_at <= latest_start


def longest_call(gateway: Gateway | None = None) -> float:
    """Return the seconds that a refund's call can take, with a new token and a reading after a refusal."""
    return (gateway or get_gateway()).longest_cancel
