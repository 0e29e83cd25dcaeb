"""`Idempotency-Key`: the same request twice is one refund and one response.

The key and the request's fingerprint are committed with the refund's record, before anything is sent, so they
survive whatever happens to the response. The first final response is stored beside the record and repeated word for
word, until `forget_old_keys` deletes both.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare, salted_hmac

from payments.errors import PaymentNotFound
from payments.models import Payment
from refunds.errors import ApprovalEnded, AwaitingApproval, IdempotencyConflict
from refunds.inputs import RefundRequest
from refunds.models import ApprovalStatus, IdempotentAnswer, RefundApproval, RefundRecord, RefundSource

logger = logging.getLogger(__name__)

KEEP_DAYS = 30  # after the refund was settled
_BATCH = 500
# Each refund with a key waits for this, and nearly always finds nothing.
_MADE = (
    "SELECT (SELECT id FROM refunds_refundrecord WHERE {mine}), (SELECT id FROM refunds_refundapproval WHERE {mine})"
)
_OF_NOBODY = "idempotency_key = %s AND requested_by_id IS NULL"
_OF_USER = "idempotency_key = %s AND requested_by_id = %s"


def fingerprint(payment: Payment, request: RefundRequest) -> str:
    """Hash what makes two requests the same. Keyed, because it covers the account, which a plain hash would reveal."""
    return _fingerprint(payment, request, settings.SECRET_KEY)


def ensure_same_request(record: RefundRecord | RefundApproval, payment: Payment, request: RefundRequest) -> None:
    """Raise `IdempotencyConflict` unless the record was made by this same request."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(constant_time_compare(record.fingerprint, _fingerprint(payment, request, key)) for key in secrets):
        raise IdempotencyConflict


def find_by_key(user: User | None, idempotency_key: str | None) -> RefundRecord | None:
    """Return the refund that this user's key made, if any."""
    made = _find_made(user, idempotency_key)
    return made if isinstance(made, RefundRecord) else None


def find_made(
    *, user: User | None, idempotency_key: str | None, payment: Payment, request: RefundRequest
) -> RefundRecord | None:
    """Return the refund that this user's key made of this payment, if any.

    Raises `IdempotencyConflict` if it was for another request, `AwaitingApproval` or `ApprovalEnded` if it made a
    request for approval that is waiting or has ended.
    """
    made = _find_made(user, idempotency_key)
    if made is None:
        return None
    ensure_same_request(made, payment, request)
    if isinstance(made, RefundApproval):
        raise _still_without_refund(made)
    return made


def _find_made(user: User | None, idempotency_key: str | None) -> RefundRecord | RefundApproval | None:
    """Return what this user's key made: a refund, or else a request for approval. Buyers' refunds need none."""
    if not idempotency_key:
        return None
    mine, params = (_OF_NOBODY, [idempotency_key]) if user is None else (_OF_USER, [idempotency_key, user.pk])
    with connection.cursor() as cursor:
        cursor.execute(_MADE.format(mine=mine), [*params, *params])
        refund_id, approval_id = cursor.fetchone()
    if refund_id is not None:
        return RefundRecord.objects.get(pk=refund_id)
    return None if approval_id is None else RefundApproval.objects.get(pk=approval_id)


def _still_without_refund(approval: RefundApproval) -> AwaitingApproval | ApprovalEnded:
    """Return why this request has no refund. An approved one has, but for the moment of its commit."""
    if approval.status in (ApprovalStatus.WAITING, ApprovalStatus.APPROVED):
        return AwaitingApproval(approval, is_new=False)
    return ApprovalEnded(approval)


def find_repeated(
    *,
    user: User | None,
    idempotency_key: str | None,
    uids: Mapping[str, str],
    request: RefundRequest,
    owner: User | None,
) -> RefundRecord | None:
    """Return the refund that this API request has made before, if it is a repeat.

    Checks nothing that may have changed since, but for one thing: the payment must still be the `owner`'s, if one is
    given (else `PaymentNotFound`). `uids` is `imp_uid` or `merchant_uid` as it was sent. Raises `IdempotencyConflict`
    if the key was used for another request, and `AwaitingApproval` or `ApprovalEnded` as `find_made` does.
    """
    made = _find_made(user, idempotency_key)
    if made is None:
        return None
    payment = cast(Payment, made.payment)
    if made.source != RefundSource.API or any(getattr(payment, name) != uid for name, uid in uids.items()):
        raise IdempotencyConflict
    ensure_same_request(made, payment, request)
    if owner is not None and payment.user_id != owner.pk:
        raise PaymentNotFound(*uids.values())
    if isinstance(made, RefundApproval):
        raise _still_without_refund(made)
    return made


def store_answer(record: RefundRecord, *, http_status: int, body: str) -> tuple[int, str]:
    """Store the first final response to a refund's request, and return it: an earlier one wins over this one.

    Never fails: the response must be sent even if it cannot be stored.
    """
    try:
        with transaction.atomic():
            answer = IdempotentAnswer(refund=record, http_status=http_status, body=body)
            IdempotentAnswer.objects.bulk_create([answer], ignore_conflicts=True)
            kept = _valid_answers(record).first()
    except DatabaseError:
        logger.exception("refund %s: its response could not be stored", record.number)
        kept = None
    return (kept.http_status, kept.body) if kept else (http_status, body)


def stored_answer(record: RefundRecord) -> tuple[int, str] | None:
    """Return HTTP status and JSON text of the first final response, if there was one."""
    return _valid_answers(record).values_list("http_status", "body").first()


def _valid_answers(record: RefundRecord) -> QuerySet[IdempotentAnswer]:
    """Return the stored response, unless it said "not executed" of a refund that was executed after all."""
    return IdempotentAnswer.objects.filter(refund=record, refund__late_record=None)


def forget_old_keys(now: datetime) -> int:
    """Delete the API's keys and responses of refunds settled more than `KEEP_DAYS` ago. Returns how many.

    Open refunds keep theirs, however old, and so do the admin's batches, which find their refunds by key. Works in
    short transactions, so that it may run beside anything and be stopped at any time.
    """
    old = RefundRecord.objects.ended().filter(
        source=RefundSource.API,
        settled_at__lt=now - timedelta(days=KEEP_DAYS),
        idempotency_key__isnull=False,
    )
    forgotten = 0
    while ids := list(old.values_list("pk", flat=True)[:_BATCH]):
        with transaction.atomic():
            IdempotentAnswer.objects.filter(refund__in=ids).delete()
            forgotten += RefundRecord.objects.filter(pk__in=ids).update(idempotency_key=None, fingerprint="")
    return forgotten + _forget_of_approvals(now)


def _forget_of_approvals(now: datetime) -> int:
    decided = RefundApproval.objects.filter(
        source=RefundSource.API,
        decided_at__lt=now - timedelta(days=KEEP_DAYS),
        idempotency_key__isnull=False,
    )
    # An approved one has its refund, which answers for both until it is forgotten itself.
    without_refund = decided.exclude(refunds__idempotency_key__isnull=False)
    forgotten = 0
    while ids := list(without_refund.values_list("pk", flat=True)[:_BATCH]):
        forgotten += RefundApproval.objects.filter(pk__in=ids).update(idempotency_key=None, fingerprint="")
    return forgotten


def _fingerprint(payment: Payment, request: RefundRequest, secret: str) -> str:
    parts = asdict(request) | {"imp_uid": payment.imp_uid}
    # Not part of what was sent: it follows from the user's permissions, which may change before the repeat.
    del parts["requester"]
    del parts["confirmed"]  # the same refund, with or without the answer to a warning
    del parts["frozen_reason"]  # what the code meant when it was chosen
    if not parts["reason_code"]:
        del parts["reason_code"]
    if not parts["retain_promotion"]:  # absent and false are the same request
        del parts["retain_promotion"]
    for name in ("amount", "tax_free", "vat_amount", "expected_balance"):
        if parts[name] is not None:
            parts[name] = str(parts[name].normalize())
    text = json.dumps(parts, sort_keys=True)
    return salted_hmac("refunds.fingerprint", text, secret=secret, algorithm="sha256").hexdigest()
