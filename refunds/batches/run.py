"""Execute a batch: refund its orders one after the other and write each outcome before the next order begins.

One process runs a batch at a time. It claims the batch by a guarded update and renews the claim before every order;
a claim that was not renewed for REFUND_LEASE_SECONDS belongs to a process that is gone, and another one continues.
An order whose refund record exists is never sent again, and its idempotency key protects it besides.
"""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from core.claims import Claim
from core.encryption.cipher import DecryptError, decrypt
from core.errors import DomainError
from payments.gateway import Requester
from refunds.batches.outcomes import key_of, open_batches, record_of, unfinished_items
from refunds.errors import AccountUnreadable, RefundNotAllowed, RefundNotDone
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundBatch, RefundBatchItem, RefundRecord, RefundSource
from refunds.permissions import may_refund_any
from refunds.services.refund import request_refund

logger = logging.getLogger(__name__)

UNEXPECTED = "unexpected_error"
# A run ends after this long and another one continues: a worker that is stopped does not wait for a large batch.
RUN_TIME = timedelta(seconds=30)


def run(*, batch_id: int, run_time: timedelta = RUN_TIME) -> bool:
    """Refund the orders of a batch that have no outcome yet. Return whether it has to be run again.

    Does nothing if another process runs it, or if it is finished. Raises nothing for an order that is not refunded.
    """
    claim = Claim(RefundBatch.objects.filter(pk=batch_id, finished_at=None))
    if not claim.take(open_batches().filter(pk=batch_id)):
        return False
    batch = RefundBatch.objects.get(pk=batch_id)
    end = timezone.now() + run_time
    with translation.override(batch.language or settings.LANGUAGE_CODE):
        for item in _unfinished(batch):
            if not claim.renew():
                return False
            _execute(batch, item)
            if timezone.now() >= end:
                break
    if unfinished_items(batch).exists():
        return claim.release()
    claim.renew(finished_at=timezone.now())
    return False


def run_open_batches() -> Iterator[RefundBatch]:
    """Run every batch that no process is running, to its end. Yields each one afterwards."""
    for batch in open_batches():
        while run(batch_id=batch.pk):
            continue
        yield batch


def _unfinished(batch: RefundBatch) -> Iterator[RefundBatchItem]:
    """Yield the orders without an outcome, each read when its turn comes."""
    last = 0
    while item := unfinished_items(batch).select_related("payment").filter(pk__gt=last).first():
        yield item
        last = item.pk


def _execute(batch: RefundBatch, item: RefundBatchItem) -> None:
    """Refund one order, unless its refund was requested before, and write the outcome."""
    earlier = record_of(batch, item)
    if earlier is not None:
        _write_outcome(item, refund=earlier)
        return
    try:
        record = request_refund(
            payment=item.payment,
            request=_request(batch, item),
            actor=_actor(batch),
            source=RefundSource.ADMIN,
            idempotency_key=key_of(batch, item),
        )
    except RefundNotDone as exc:
        _write_outcome(item, refund=exc.refund, error_code=exc.code, message=exc.message)
    except DomainError as exc:
        _write_outcome(item, refund=record_of(batch, item), error_code=exc.code, message=exc.message)
    except Exception:
        # One order must not take the others with it; what it did to its record shows on the result page.
        logger.exception("batch %s: refunding %s failed unexpectedly", batch.token, item.payment.imp_uid)
        message = _("Something went wrong. Check the order before you request its refund again.")
        _write_outcome(item, refund=record_of(batch, item), error_code=UNEXPECTED, message=message)
    else:
        _write_outcome(item, refund=record)


def _actor(batch: RefundBatch) -> Actor:
    """Return the requester with the permissions of this moment. Raises `RefundNotAllowed`."""
    user = User.objects.get(pk=batch.requested_by_id)
    if not may_refund_any(user):
        raise RefundNotAllowed
    return Actor(name=user.get_username(), user=user)


def _request(batch: RefundBatch, item: RefundBatchItem) -> RefundRequest:
    """Return what was requested for the order. Raises `AccountUnreadable`."""
    try:
        account = json.loads(decrypt(item.encrypted_account)) if item.encrypted_account else {}
    except DecryptError as exc:
        raise AccountUnreadable from exc
    return RefundRequest(
        amount=item.amount,
        reason=batch.reason,
        tax_free=item.tax_free,
        vat_amount=item.vat_amount,
        expected_balance=item.expected_balance,
        requester=cast(Requester, item.requester),
        retain_promotion=item.retain_promotion,
        **account,
    )


def _write_outcome(
    item: RefundBatchItem, *, refund: RefundRecord | None, error_code: str = "", message: str = ""
) -> None:
    """Write the outcome and erase the bank account, in one statement. An outcome that is there already stays."""
    still_open = RefundBatchItem.objects.filter(pk=item.pk, refund=None, error_code="")
    still_open.update(refund=refund, error_code=error_code, message=message, encrypted_account="")
