"""Check a batch's orders against the rules and freeze their balances, without a call to i'mport.

An order whose refund would be rejected gets its problem and is excluded; the others keep the balance that they were
checked with, and are refunded only while it stays the same. What only i'mport knows (PAYCO's tax-free balance, the
holder of an account) is read before each refund is sent.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import cast

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation

from core import clock
from core.database.update_rows import update_rows
from core.sentences import joined, packed
from payments.models import Payment
from refunds import policies
from refunds.batches.create import CHUNK
from refunds.batches.errors import BatchStateError
from refunds.batches.events import add_batch_event
from refunds.batches.requests import request_of
from refunds.errors import AccountUnreadable, RefundInProgress, Violation
from refunds.inputs import Actor
from refunds.models import BatchStatus, FrozenReason, RefundBatch, RefundBatchItem, RefundRecord
from refunds.permissions import acts_for_shop
from refunds.policies import RefundContext, Verdict
from refunds.services.bank_accounts import accounts_maybe_in
from refunds.services.reasons import Reasons, code_meant, find_reason, reasons_in_use

LEFT_OUT = "left_out"
# Problems with a payment that another check cannot solve. Problems of a row without a payment stay as well.
_LASTING = (LEFT_OUT, "duplicate_row", "duplicate_differs", "invalid_amount")
_UPDATED = ("expected_balance", "fee", "warnings", "excluded", "error_code", "error_field", "error_value", "message")
_FROZEN = ("reason_code", "reason_name_ko", "reason_name_en", "fault")
_REASON = ("reason", *_FROZEN)
_TAX_PARTS = ("tax_free", "vat_amount")
# No rule and no message reads these columns: they take half of the time to read an order.
_UNREAD = (
    *("encrypted_row", "error_value", "message", "payment__user", "payment__order_key", "payment__search_key"),
    *("payment__name", "payment__buyer_name", "payment__buyer_email"),
    *("payment__buyer_tel", "payment__cancelled_at", "payment__failed_at", "payment__fail_reason"),
    *("payment__cancel_reason", "payment__receipt_url", "payment__created_at", "payment__updated_at"),
    *("payment__pg_id", "payment__pg_tid", "payment__vbank_date", "payment__bank_code", "payment__bank_name"),
    *("payment__card_code", "payment__card_name", "payment__card_number", "payment__card_type"),
)


def check_batch(*, batch: RefundBatch, actor: Actor, reason: str | None = None, reason_code: str | None = None) -> None:
    """Check all orders as they are now: draft or checked -> checked. Problems of an earlier check are forgotten.

    `reason` and `reason_code` replace the batch's; None keeps them. The reasons of the list are frozen.

    Writes some hundred orders at a time, and the batch is a draft until the last of them: it cannot be started
    meanwhile, and a process that is killed leaves a draft that can be checked again. Of two checks at once, the later
    one goes on. Raises `BatchStateError`.
    """
    is_first = batch.checked_at is None
    began = clock.database_now()
    unstarted = Q(status__in=(BatchStatus.DRAFT, BatchStatus.CHECKED))
    known = reasons_in_use()
    batch.reason = batch.reason if reason is None else reason
    batch.frozen_reason = _frozen(batch.reason_code if reason_code is None else reason_code, known)
    _move(
        batch, unstarted, status=BatchStatus.DRAFT, checked_at=began, **{name: getattr(batch, name) for name in _REASON}
    )
    mine = Q(status=BatchStatus.DRAFT, checked_at=began)
    with translation.override(batch.language or settings.LANGUAGE_CODE):
        for items in _chunks(batch):
            _check(batch, items, actor, known, is_first=is_first)
            _write(batch, items, mine)
    with transaction.atomic():
        _move(batch, mine, status=BatchStatus.CHECKED)
        excluded = batch.items.filter(excluded=True).count()
        add_batch_event(batch, "checked", actor=actor, problems=excluded)


def _move(batch: RefundBatch, state: Q, **changes: object) -> None:
    """Change the batch if it is in this state. Raises `BatchStateError`."""
    moved = RefundBatch.objects.filter(state, pk=batch.pk).update(**changes)
    batch.refresh_from_db(fields=["status", "checked_at", *_REASON])
    if not moved:
        raise BatchStateError(batch)


def _chunks(batch: RefundBatch) -> Iterator[list[RefundBatchItem]]:
    """Yield the orders that a check decides about, with their payments."""
    lasting = Q(payment=None) | Q(excluded=True, error_code__in=_LASTING)
    open_items = batch.items.exclude(lasting).select_related("payment").defer(*_UNREAD).order_by("pk")
    last = 0
    while items := list(open_items.filter(pk__gt=last)[:CHUNK]):
        last = items[-1].pk
        yield items


def _write(batch: RefundBatch, items: list[RefundBatchItem], mine: Q) -> None:
    """Write what the check found, unless another process has taken over. Raises `BatchStateError`."""
    with transaction.atomic(durable=True):
        if not RefundBatch.objects.select_for_update(no_key=True).filter(mine, pk=batch.pk).exists():
            batch.refresh_from_db(fields=["status", "checked_at"])
            raise BatchStateError(batch)
        frozen = _FROZEN if any(item.reason_code for item in items) else ()
        update_rows(RefundBatchItem, items, (*_UPDATED, *frozen))


def _frozen(code: str, known: Reasons) -> FrozenReason:
    """Return the reason with this code; one that is not in use has no names, and is a problem of each order."""
    return known[code].frozen if code in known else FrozenReason(code, "", "", "")


def _check(
    batch: RefundBatch, items: Sequence[RefundBatchItem], actor: Actor, known: Reasons, *, is_first: bool
) -> None:
    """Set on each order what the rules say about it."""
    payments = [cast(Payment, item.payment) for item in items]
    live = RefundRecord.objects.live().filter(payment__in=[payment.pk for payment in payments])
    busy = set(live.values_list("payment_id", flat=True))
    earlier = _earlier_refunds(payments)
    now = timezone.now()
    for item, payment in zip(items, payments, strict=True):
        # The balance that somebody was shown before the first check still has to hold.
        expected = item.expected_balance if is_first else None
        item.reason_code = code_meant(item.reason_code, known) if item.reason_code else ""
        try:
            request = request_of(item, batch=batch, expected_balance=expected)
        except AccountUnreadable as exc:
            verdict = Verdict((Violation(exc.code, exc.message, "refund_account"),), ())
        else:
            refunds = earlier[payment.pk]
            context = RefundContext(
                payment=payment,
                request=request,
                now=now,
                contracts=settings.IAMPORT_CONTRACTS,
                vbank_fee=settings.VBANK_REFUND_FEE,
                partial_refunds=len(refunds) if policies.counts_partials(payment) else 0,
                earlier=tuple(refunds) if policies.needs_earlier(payment) else (),
                known_accounts=accounts_maybe_in(request.reason, payment),
                by_shop=acts_for_shop(actor),
            )
            verdict = _verdict(context, is_busy=payment.pk in busy)
            chosen = find_reason(code=request.reason_code, text=request.reason, reasons=known)
            verdict = replace(verdict, violations=verdict.violations + chosen.problems)
        item.frozen_reason = _frozen(item.reason_code, known)
        _freeze(item, payment, verdict)


def _earlier_refunds(payments: Sequence[Payment]) -> dict[int, list[RefundRecord]]:
    """Return the succeeded refunds, oldest first, of the payments where a rule looks at them."""
    looked_at = [
        payment.pk for payment in payments if policies.needs_earlier(payment) or policies.counts_partials(payment)
    ]
    found: dict[int, list[RefundRecord]] = defaultdict(list)
    if looked_at:
        for record in RefundRecord.objects.succeeded().filter(payment__in=looked_at).order_by("cancelled_at", "id"):
            found[record.payment_id].append(record)
    return found


def _verdict(context: RefundContext, *, is_busy: bool) -> Verdict:
    """Return the rules' verdict, without those that need PAYCO's balance: it is read before the refund is sent."""
    if is_busy:
        busy = RefundInProgress()
        return Verdict((Violation(busy.code, busy.message),), ())
    verdict = policies.check(context)
    if not policies.has_balance(context.payment):
        return verdict
    known = [
        tuple(one for one in found if one.field not in _TAX_PARTS) for found in (verdict.violations, verdict.warnings)
    ]
    return Verdict(*known)


def _freeze(item: RefundBatchItem, payment: Payment, verdict: Verdict) -> None:
    first = verdict.violations[0] if verdict.violations else Violation("", "")
    item.expected_balance = payment.refundable_amount
    item.fee = policies.merchant_fee(payment, settings.VBANK_REFUND_FEE)
    item.excluded = bool(verdict.violations)
    warnings = () if item.excluded else verdict.warnings
    item.warnings = [{**asdict(warning), "message": packed(warning.message)} for warning in warnings]
    item.error_code, item.error_field = first.code, first.field
    item.error_value = _typed(item, first.field)
    item.message = joined(*(violation.message for violation in verdict.violations))


def _typed(item: RefundBatchItem, field: str) -> str:
    """Return what was requested in this column; nothing of a bank account."""
    value: Decimal | str | None = getattr(item, field) if field in ("amount", *_TAX_PARTS, "reason_code") else None
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value or ""
