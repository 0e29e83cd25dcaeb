"""Columns of the CSV and Excel exports."""

from decimal import Decimal

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.database.chunks import in_chunks
from core.encryption.cipher import DecryptError
from core.exports.cells import Cell
from core.exports.columns import Column, Table, Totals, table
from core.money import KRW, quantize
from payments.admin.payments import state_of
from payments.labels import bank_label, bank_name, card_label, method_label, pg_label, status_label
from payments.models import Payment
from refunds.messages import message_of
from refunds.models import Fault, RefundRecord, RefundSource, RefundStatus, RefusalClass
from refunds.policies import merchant_fee
from refunds.policies.tax_split import TaxSplit, split_of
from refunds.services.bank_accounts import Account, open_account

_CHUNK = 500
# By value: `get_status_display` makes such a dict for every row, which took a third of an export.
_STATUSES, _SOURCES, _REFUSALS, _FAULTS = (
    dict(kind.choices) for kind in (RefundStatus, RefundSource, RefusalClass, Fault)
)


def _money(payment: Payment, amount: Decimal | None) -> Cell:
    return None if amount is None else quantize(amount, payment.currency)


def _split(refund: RefundRecord) -> TaxSplit:
    return split_of(refund, settings.IAMPORT_CONTRACTS)


def _fee(refund: RefundRecord) -> Cell:
    """Return what the transfer of this refund cost the shop, in KRW."""
    fee = merchant_fee(refund.payment, settings.VBANK_REFUND_FEE) if refund.net_amount else Decimal(0)
    return quantize(fee, KRW) if fee else None


def _card_or_bank(payment: Payment) -> str:
    bank = bank_name(payment.bank_code, payment.bank_name) or bank_name(payment.vbank_code, payment.vbank_name)
    return card_label(payment) or bank


def _test(payment: Payment) -> str:
    return gettext("Test") if payment.sandbox else ""


# By `TaxSplit.basis`.
TAX_BASES = {"": "", "stated": _("Stated with the refund"), "computed": _("Computed: 1/11 of the taxable amount")}
REFUND_COLUMNS: tuple[Column[RefundRecord], ...] = (
    Column(_("refund number"), lambda refund: refund.number),
    Column(_("order"), lambda refund: refund.payment.merchant_uid),
    Column(_("payment number"), lambda refund: refund.payment.imp_uid),
    Column(_("buyer"), lambda refund: refund.payment.buyer_name),
    Column(_("goods"), lambda refund: refund.payment.name),
    Column(_("method"), lambda refund: method_label(refund.payment.pay_method)),
    Column(_("PG"), lambda refund: pg_label(refund.payment.pg_provider)),
    Column(_("card or bank"), lambda refund: _card_or_bank(refund.payment)),
    Column(_("paid at"), lambda refund: refund.payment.paid_at, is_time=True),
    Column(_("currency"), lambda refund: refund.payment.currency),
    Column(_("paid"), lambda refund: _money(refund.payment, refund.payment.amount)),
    Column(_("requested amount"), lambda refund: _money(refund.payment, refund.amount)),
    Column(_("refunded amount"), lambda refund: _money(refund.payment, refund.net_amount or None), is_summed=True),
    Column(_("reversed amount"), lambda refund: _money(refund.payment, refund.reversed_amount or None), is_summed=True),
    Column(_("supply amount"), lambda refund: _money(refund.payment, _split(refund).supply), is_summed=True),
    Column(_("VAT part"), lambda refund: _money(refund.payment, _split(refund).vat), is_summed=True),
    Column(_("tax-free part"), lambda refund: _money(refund.payment, _split(refund).tax_free), is_summed=True),
    Column(_("VAT basis"), lambda refund: str(TAX_BASES[_split(refund).basis])),
    Column(_("transfer fee (KRW)"), _fee, is_summed=True),
    Column(_("status"), lambda refund: str(_STATUSES.get(refund.status, refund.status))),
    Column(_("reason"), lambda refund: refund.reason),
    Column(_("reason code"), lambda refund: refund.reason_code),
    Column(_("chosen reason"), lambda refund: refund.reason_name),
    Column(pgettext_lazy("refund", "fault"), lambda refund: str(_FAULTS.get(refund.fault, refund.fault))),
    Column(_("source"), lambda refund: str(_SOURCES.get(refund.source, refund.source))),
    Column(_("requested by"), lambda refund: refund.requested_by_name),
    Column(_("requested at"), lambda refund: refund.requested_at, is_time=True),
    Column(_("settled at"), lambda refund: refund.settled_at, is_time=True),
    Column(_("refunded at"), lambda refund: refund.cancelled_at, is_time=True),
    Column(_("usually arrives by"), lambda refund: refund.expected_by),
    Column(_("cancellation number"), lambda refund: refund.cancellation_id),
    Column(_("PG transaction"), lambda refund: refund.pg_tid),
    Column(_("receipt"), lambda refund: refund.receipt_url),
    Column(_("message"), message_of),
    Column(_("error code"), lambda refund: refund.error_code),
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
    Column(_("card or bank"), _card_or_bank),
    Column(_("currency"), lambda payment: payment.currency),
    Column(_("paid"), lambda payment: _money(payment, payment.amount), is_summed=True),
    Column(_("refunded"), lambda payment: _money(payment, payment.cancel_amount), is_summed=True),
    Column(_("refundable"), lambda payment: _money(payment, payment.refundable_amount), is_summed=True),
    Column(_("VAT part"), lambda payment: _money(payment, payment.vat_amount)),
    Column(_("tax-free part"), lambda payment: _money(payment, payment.tax_free)),
    Column(_("status"), lambda payment: state_of(payment)[1]),
    Column(_("status at i'mport"), lambda payment: status_label(payment.status)),
    Column(_("paid at"), lambda payment: payment.paid_at, is_time=True),
    Column(_("PG transaction"), lambda payment: payment.pg_tid),
    Column(_("receipt"), lambda payment: payment.receipt_url),
    Column(_("test payment"), lambda payment: _test(payment)),
)
ACCOUNT_HEADINGS = (_("Account holder"), _("Bank"), _("Account number"))
CONTACT_COLUMNS: tuple[Column[Payment], ...] = (
    Column(_("e-mail"), lambda payment: payment.buyer_email),
    Column(_("telephone"), lambda payment: payment.buyer_tel),
)


def payment_table(payments: QuerySet[Payment], *, with_personal: bool) -> Table:
    """Return one row per payment, and the totals of what was paid; `with_personal` adds how to reach the buyer."""
    columns = (*PAYMENT_COLUMNS, *(CONTACT_COLUMNS if with_personal else ()))
    totals = Totals(columns, lambda payment: payment.currency if payment.was_paid and not payment.sandbox else "")
    return Table(table(columns, in_chunks(payments.prefetch_related(None), _CHUNK), totals=totals), totals.rows)


def refund_table(refunds: QuerySet[RefundRecord], *, with_personal: bool) -> Table:
    """Return one row per refund, and the totals of what was refunded.

    `with_personal` adds the full bank accounts that they went to.
    """
    totals = Totals(REFUND_COLUMNS, _counts_in)
    refunds = refunds.select_related(None).select_related("payment", "late_record")
    if not with_personal:
        return Table(table(REFUND_COLUMNS, in_chunks(refunds, _CHUNK), totals=totals), totals.rows)
    found = in_chunks(refunds.select_related("stored_account"), _CHUNK)
    return Table(table(REFUND_COLUMNS, found, ACCOUNT_HEADINGS, _account_cells, totals=totals), totals.rows)


def _counts_in(refund: RefundRecord) -> str:
    """Return the currency whose totals this refund is in; "" if it is in none. A reversed one is: its sum is 0."""
    return refund.payment.currency if refund.booked_amount and not refund.payment.sandbox else ""


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
