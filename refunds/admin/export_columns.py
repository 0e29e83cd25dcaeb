"""Columns of the CSV and Excel exports."""

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.database.chunks import in_chunks
from core.encryption.cipher import DecryptError
from core.exports.cells import Cell, Row
from core.exports.columns import Column, table
from core.money import quantize
from payments.labels import bank_label, method_label, pg_label, status_label
from payments.models import Payment
from refunds.messages import message_of
from refunds.models import RefundRecord, RefundSource, RefundStatus, RefusalClass
from refunds.services.bank_accounts import Account, open_account

_CHUNK = 500
# By value: `get_status_display` makes such a dict for every row, which took a third of an export.
_STATUSES, _SOURCES, _REFUSALS = (dict(kind.choices) for kind in (RefundStatus, RefundSource, RefusalClass))


def _amount(record: RefundRecord, amount: Decimal | None) -> Cell:
    return None if amount is None else quantize(amount, record.payment.currency)


def _test(payment: Payment) -> str:
    return gettext("Test") if payment.sandbox else ""


REFUND_COLUMNS: tuple[Column[RefundRecord], ...] = (
    Column(_("refund number"), lambda refund: refund.number),
    Column(_("order"), lambda refund: refund.payment.merchant_uid),
    Column(_("payment number"), lambda refund: refund.payment.imp_uid),
    Column(_("buyer"), lambda refund: refund.payment.buyer_name),
    Column(_("method"), lambda refund: method_label(refund.payment.pay_method)),
    Column(_("PG"), lambda refund: pg_label(refund.payment.pg_provider)),
    Column(_("currency"), lambda refund: refund.payment.currency),
    Column(_("requested amount"), lambda refund: _amount(refund, refund.amount)),
    Column(_("refunded amount"), lambda refund: _amount(refund, refund.net_amount or None)),
    Column(_("reversed amount"), lambda refund: _amount(refund, refund.reversed_amount or None)),
    Column(_("status"), lambda refund: str(_STATUSES.get(refund.status, refund.status))),
    Column(_("reason"), lambda refund: refund.reason),
    Column(_("source"), lambda refund: str(_SOURCES.get(refund.source, refund.source))),
    Column(_("requested by"), lambda refund: refund.requested_by_name),
    Column(_("requested at"), lambda refund: refund.requested_at, is_time=True),
    Column(_("settled at"), lambda refund: refund.settled_at, is_time=True),
    Column(_("refunded at"), lambda refund: refund.cancelled_at, is_time=True),
    Column(_("cancellation number"), lambda refund: refund.cancellation_id),
    Column(_("PG transaction"), lambda refund: refund.pg_tid),
    Column(_("receipt"), lambda refund: refund.receipt_url),
    Column(_("message"), message_of),
    Column(_("refusal"), lambda refund: str(_REFUSALS.get(refund.refusal_class, refund.refusal_class))),
    Column(_("test payment"), lambda refund: _test(refund.payment)),
)
PAYMENT_COLUMNS: tuple[Column[Payment], ...] = (
    Column(_("order"), lambda payment: payment.merchant_uid),
    Column(_("payment number"), lambda payment: payment.imp_uid),
    Column(_("buyer"), lambda payment: payment.buyer_name),
    Column(_("goods"), lambda payment: payment.name),
    Column(_("method"), lambda payment: method_label(payment.pay_method)),
    Column(_("PG"), lambda payment: pg_label(payment.pg_provider)),
    Column(_("currency"), lambda payment: payment.currency),
    Column(_("paid"), lambda payment: quantize(payment.amount, payment.currency)),
    Column(_("refunded"), lambda payment: quantize(payment.cancel_amount, payment.currency)),
    Column(_("refundable"), lambda payment: quantize(payment.refundable_amount, payment.currency)),
    Column(_("status at i'mport"), lambda payment: status_label(payment.status)),
    Column(_("paid at"), lambda payment: payment.paid_at, is_time=True),
    Column(_("PG transaction"), lambda payment: payment.pg_tid),
    Column(_("receipt"), lambda payment: payment.receipt_url),
    Column(_("test payment"), lambda payment: _test(payment)),
)
ACCOUNT_HEADINGS = (_("Account holder"), _("Bank"), _("Account number"))


def payment_rows(payments: QuerySet[Payment]) -> Iterator[Row]:
    """Yield the heading, then one row per payment."""
    return table(PAYMENT_COLUMNS, in_chunks(payments.prefetch_related(None), _CHUNK))


def refund_rows(refunds: QuerySet[RefundRecord], *, with_accounts: bool) -> Iterator[Row]:
    """Yield the heading, then one row per refund; `with_accounts` adds the full bank accounts they went to."""
    refunds = refunds.select_related(None).select_related("payment", "late_record")
    if not with_accounts:
        return table(REFUND_COLUMNS, in_chunks(refunds, _CHUNK))
    found = in_chunks(refunds.select_related("stored_account"), _CHUNK)
    return table(REFUND_COLUMNS, found, ACCOUNT_HEADINGS, _account_cells)


def _account_cells(refund: RefundRecord) -> list[str]:
    """Return holder, bank and number; only the last digits if the rest is deleted or cannot be decrypted."""
    if not refund.refund_account_last4:
        return ["", "", ""]
    account = _full_account(refund) or Account("", f"•••• {refund.refund_account_last4}")
    return [account.holder, bank_label(refund.refund_bank), account.number]


def _full_account(refund: RefundRecord) -> Account | None:
    try:
        return open_account(refund.stored_account) if hasattr(refund, "stored_account") else None
    except DecryptError:
        return None
