"""Limits of a buyer's own refunds, inside the reservation's transaction."""

from datetime import timedelta

from django.contrib.auth.models import User

from core.sentences import sentence as _
from refunds.errors import Busy, RefundRefused, TooManyFailed
from refunds.models import RefundRecord

MAX_OPEN_PER_BUYER = 3  # one account must not occupy the calls to i'mport alone
MAX_FAILED_PER_DAY = 20  # refunds of one payment, before its buyer has to ask the shop: each is a call to i'mport


def ensure_few_open(buyer: User) -> None:
    """Raise `Busy` if this new refund is one too many. Locks the account: two at once cannot both fit."""
    User.objects.select_for_update(no_key=True).get(pk=buyer.pk)
    if RefundRecord.objects.live().filter(requested_by=buyer).count() > MAX_OPEN_PER_BUYER:
        raise Busy(_("Several of your refunds are still open. Nothing was sent; try again when one of them is done."))


def ensure_not_failed_too_often(record: RefundRecord) -> None:
    """Raise `TooManyFailed` if a buyer requests again what i'mport refused all day. Staff and operators may always.

    A refund that did not reach i'mport does not count: a program that retries through an outage does no wrong.
    """
    since = record.requested_at - timedelta(days=1)
    failed = record.payment.refunds.filter(error_code=RefundRefused.code, requested_at__gt=since)
    if failed.count() >= MAX_FAILED_PER_DAY:
        raise TooManyFailed
