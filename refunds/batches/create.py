"""Commit a batch: who requests what, everything that is needed to execute it, and the log entries."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.encryption.cipher import encrypt
from core.money import format_money
from payments.models import Payment
from refunds.inputs import RefundRequest
from refunds.models import BatchStatus, RefundBatch, RefundBatchItem

MAX_ORDERS = 50  # a limit of the confirmation page; nothing here depends on it
ACCOUNT_FIELDS = ("refund_holder", "refund_bank", "refund_account", "refund_tel")


@dataclass(frozen=True, slots=True)
class Order:
    """One order of a batch and what is requested for it."""

    payment: Payment
    request: RefundRequest


class BatchExistsError(Exception):
    """A batch with this token exists; nothing was written now."""


def create_batch(*, token: UUID, user: User, orders: Sequence[Order], reason: str) -> RefundBatch:
    """Commit the batch, one item and one log entry per order. Moves no money. Raises `BatchExistsError`."""
    try:
        with transaction.atomic(durable=True):
            now = timezone.now()
            batch = RefundBatch.objects.create(
                token=token,
                status=BatchStatus.RUNNING,
                requested_by=user,
                requested_by_name=user.get_username(),
                reason=reason,
                language=get_language() or "",
                checked_at=now,
                started_at=now,
            )
            RefundBatchItem.objects.bulk_create(_item(batch, order) for order in orders)
            _log(user, orders)
    except IntegrityError as exc:
        if RefundBatch.objects.filter(token=token).exists():
            raise BatchExistsError from exc
        raise
    return batch


def _item(batch: RefundBatch, order: Order) -> RefundBatchItem:
    request = order.request
    return RefundBatchItem(
        batch=batch,
        payment=order.payment,
        amount=request.amount,
        tax_free=request.tax_free,
        vat_amount=request.vat_amount,
        expected_balance=request.expected_balance,
        requester=request.requester,
        retain_promotion=request.retain_promotion,
        encrypted_account=_encrypted_account(request),
    )


def _encrypted_account(request: RefundRequest) -> str:
    """Return the account fields that were typed, encrypted; "" if none was."""
    account = {name: value for name in ACCOUNT_FIELDS if (value := getattr(request, name))}
    return encrypt(json.dumps(account, ensure_ascii=False)) if account else ""


def _log(user: User, orders: Sequence[Order]) -> None:
    """Add one line per order to the admin's own history; never the bank account."""
    content_type = ContentType.objects.get_for_model(Payment)
    LogEntry.objects.bulk_create(
        LogEntry(
            user=user,
            content_type=content_type,
            object_id=str(order.payment.pk),
            object_repr=str(order.payment)[:200],
            action_flag=CHANGE,
            change_message=_log_message(order),
        )
        for order in orders
    )


def _log_message(order: Order) -> str:
    payment, request = order.payment, order.request
    amount = payment.refundable_amount if request.amount is None else request.amount
    requested = _("Refund requested: %(amount)s") % {"amount": format_money(amount, payment.currency)}
    if not request.reason:
        return requested
    reason = _("reason: %(reason)s") % {"reason": request.reason}
    return f"{requested}, {reason}"
