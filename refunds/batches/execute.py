"""Refund one claimed order of a batch and write its outcome."""

import logging

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import translation
from django.utils.translation import gettext as _

from core.errors import DomainError
from refunds.batches.outcomes import key_of, record_of
from refunds.batches.requests import request_of
from refunds.errors import RefundNotAllowed, RefundNotDone
from refunds.inputs import Actor
from refunds.models import RefundBatch, RefundBatchItem, RefundRecord, RefundSource
from refunds.permissions import may_refund_any
from refunds.services.refund import request_refund

logger = logging.getLogger(__name__)

UNEXPECTED = "unexpected_error"


def requester_of(batch: RefundBatch) -> Actor | None:
    """Return the requester with the permissions of this moment; None if they may not refund any more."""
    user = User.objects.get(pk=batch.requested_by_id)
    return Actor(name=user.get_username(), user=user) if may_refund_any(user) else None


def execute(item: RefundBatchItem, requester: Actor | None) -> None:
    """Refund the order for its requester, and write the outcome in the batch's language.

    Raises nothing but database errors. An order whose refund record exists is never sent again, and its idempotency
    key protects it besides.
    """
    with translation.override(item.batch.language or settings.LANGUAGE_CODE):
        # Without an earlier claim nothing can have been requested.
        earlier = record_of(item.batch, item) if item.claimed_at else None
        if earlier is not None:
            _write_outcome(item, refund=earlier)
        else:
            _refund(item, requester)


def _refund(item: RefundBatchItem, requester: Actor | None) -> None:
    batch = item.batch
    try:
        if requester is None:
            raise RefundNotAllowed
        record = request_refund(
            payment=item.payment,
            request=request_of(item, reason=item.batch.reason, expected_balance=item.expected_balance),
            actor=requester,
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


def _write_outcome(
    item: RefundBatchItem, *, refund: RefundRecord | None, error_code: str = "", message: str = ""
) -> None:
    """Write the outcome and erase the bank account, in one statement. An outcome that is there already stays."""
    still_open = RefundBatchItem.objects.filter(pk=item.pk, refund=None, error_code="")
    still_open.update(refund=refund, error_code=error_code, message=message, encrypted_account="")
