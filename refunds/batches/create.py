"""Commit a batch as a draft: who wants to refund what. It is checked and started by services of their own."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from uuid import UUID

from django.contrib.admin.models import ADDITION
from django.db import IntegrityError, transaction
from django.db.models import Q

from core.admin.log import log
from core.encryption.cipher import encrypt
from core.money import DECIMAL_PLACES
from core.sentences import sentence as _
from refunds.batches.errors import BatchEmpty, BatchExistsError, TooManyRows
from refunds.batches.events import add_batch_event
from refunds.inputs import Actor, RefundRequest, printable
from refunds.models import BatchOrigin, BatchStatus, RefundBatch, RefundBatchItem, RefundSource
from refunds.services.encrypted_accounts import encrypted_account_of

MAX_ORDERS = 50  # a limit of the confirmation page; nothing here depends on it
MAX_ROWS = 20_000
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an order is not refunded: a stable `code`, a sentence, the column to correct, and what stands in it.

    `value` is never a part of a bank account.
    """

    code: str
    message: str
    field: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One order of a new batch and what is requested for it.

    From a sheet it has its `line`, the numbers as typed and `cells`: all its cells, as typed, by their headings.
    Elsewhere the payment is known from the start. A row without a problem needs its payment. `request.reason` and
    `request.reason_code` are empty where the batch's count.
    """

    request: RefundRequest = field(default_factory=RefundRequest)
    payment_id: int | None = None
    merchant_uid: str = ""
    imp_uid: str = ""
    line: int | None = None
    note: str = ""
    problem: Problem | None = None
    cells: Mapping[str, str] | None = None

    def __repr__(self) -> str:  # the account must not reach a log or a traceback
        return f"Row(line={self.line}, payment_id={self.payment_id})"


def create_batch(
    *,
    token: UUID,
    actor: Actor,
    source: RefundSource,
    origin: BatchOrigin,
    rows: Iterable[Row],
    reason: str,
    language: str,
    reason_code: str = "",
    title: str = "",
    file_hash: str = "",
    all_or_nothing: bool = False,
    retry_of: RefundBatch | None = None,
) -> RefundBatch:
    """Commit a draft with its orders, the first line of its timeline and one log entry. Moves no money.

    Raises `BatchExistsError` if the same token or the same file made a batch before (a stopped batch does not count
    for the file), `TooManyRows`, `BatchEmpty`; then nothing was written.
    """
    taken = _taken(rows)
    batch = RefundBatch(
        token=token,
        source=source,
        origin=origin,
        title=printable(title)[:255],
        language=language,
        file_hash=file_hash,
        all_or_nothing=all_or_nothing,
        retry_of=retry_of,
    )
    batch.requested_by, batch.requested_by_name = actor.user, actor.name[:200]
    batch.reason, batch.reason_code = reason, reason_code
    try:
        _insert(batch, taken, actor)
    except IntegrityError as exc:
        if (earlier := find_made(token=token, file_hash=file_hash)) is not None:
            raise BatchExistsError(earlier) from exc
        raise
    return batch


def _taken(rows: Iterable[Row]) -> list[Row]:
    taken = list(islice(rows, MAX_ROWS + 1))
    if len(taken) > MAX_ROWS:
        raise TooManyRows(MAX_ROWS)
    if not taken:
        raise BatchEmpty
    return taken


@transaction.atomic(durable=True)
def _insert(batch: RefundBatch, rows: Sequence[Row], actor: Actor) -> None:
    batch.save(force_insert=True)
    for start in range(0, len(rows), CHUNK):
        RefundBatchItem.objects.bulk_create([_item(batch, row) for row in rows[start : start + CHUNK]])
    add_batch_event(batch, "created", actor=actor, orders=len(rows))
    _log(batch, actor, len(rows))


def find_made(*, token: UUID | None = None, file_hash: str = "") -> RefundBatch | None:
    """Return the batch that this token or this file made, if there is one. A stopped batch does not count for a file.

    Look before reading a file: what it contains need not be read again.
    """
    same = Q(token=token)
    if file_hash:
        same |= Q(file_hash=file_hash) & ~Q(status=BatchStatus.CANCELLED)
    return RefundBatch.objects.filter(same).order_by("pk").first()


def _item(batch: RefundBatch, row: Row) -> RefundBatchItem:
    request, problem = row.request, row.problem or _problem_of(row.request)
    return RefundBatchItem(
        batch=batch,
        line=row.line,
        number=printable(row.merchant_uid or row.imp_uid)[:255],
        payment_id=row.payment_id,
        amount=_kept(request.amount),
        tax_free=_kept(request.tax_free),
        vat_amount=_kept(request.vat_amount),
        expected_balance=request.expected_balance,
        requester=request.requester,
        retain_promotion=request.retain_promotion,
        confirmed=sorted(request.confirmed),
        reason="" if request.reason == batch.reason else request.reason,
        reason_code="" if request.reason_code == batch.reason_code else request.reason_code,
        note=printable(row.note)[:255],
        excluded=problem is not None,
        encrypted_account=encrypted_account_of(request),
        encrypted_row=encrypt(json.dumps(dict(row.cells))) if row.cells else "",
        error_code=problem.code if problem else "",
        error_field=problem.field if problem else "",
        error_value=printable(problem.value)[:255] if problem else "",
        message=problem.message if problem else "",
    )


def _problem_of(request: RefundRequest) -> Problem | None:
    """Return the problem of an amount that no currency has, and that the database would round."""
    for name in ("amount", "tax_free", "vat_amount"):
        amount: Decimal | None = getattr(request, name)
        if amount is not None and _kept(amount) is None:
            return Problem("invalid_amount", _("The amount has too many decimals."), name, f"{amount:f}")
    return None


def _kept(amount: Decimal | None) -> Decimal | None:
    """Return the amount if the database keeps it exactly, else None."""
    return amount if amount is not None and len(f"{amount:f}".partition(".")[2].rstrip("0")) <= DECIMAL_PLACES else None


def _log(batch: RefundBatch, actor: Actor, count: int) -> None:
    """Add one line to the admin's own history. The command line has no account and no history there."""
    if actor.user is None:
        return
    log(actor.user, batch, text=_("Bulk refund prepared. Orders: %(count)s") % {"count": count}, flag=ADDITION)
