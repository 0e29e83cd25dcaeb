"""Closed months: what was paid, refunded and reversed, frozen for the books."""

from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.dates import add_months, parse_moment
from core.fields import AmountField
from payments import limits
from payments.models import Payment
from refunds.models.append_only import AppendOnlyModel
from refunds.models.refunds import RefundRecord
from refunds.models.reversals import RefundReversal


class StatementMonth(AppendOnlyModel):
    """One closed month in Asia/Seoul; never changed, never deleted.

    `lines` are its totals by PG, method and currency, `comparison` what the last comparison with i'mport had said.
    Its entries add up to its lines.
    """

    month = models.DateField(_("month"), primary_key=True)  # its first day
    closed_at = models.DateTimeField(_("closed at"))
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("closed by (account)"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    closed_by_name = models.CharField(_("closed by"), max_length=200)
    note = models.CharField(_("note"), max_length=500, blank=True)
    # Closed although i'mport was not compared, or showed something else: somebody ticked that.
    despite_difference = models.BooleanField(_("closed without agreement"), default=False)
    lines = models.JSONField(default=list, editable=False, encoder=DjangoJSONEncoder)
    comparison = models.JSONField(default=dict, editable=False, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = _("closed month")
        verbose_name_plural = _("closed months")
        ordering = ("-month",)
        default_permissions = ()
        permissions = (("close_month", _("Can close months")),)
        constraints = (
            models.CheckConstraint(condition=Q(month__day=1), name="statement_month_is_a_first_day"),
            models.CheckConstraint(condition=~Q(closed_by_name=""), name="statement_month_closed_by_somebody"),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"

    @property
    def start(self) -> datetime:
        return parse_moment(self.month)

    @property
    def next_month(self) -> date:
        return add_months(self.month, 1)


class MovementKind(models.TextChoices):
    """What moved money. A refund and its reversal are two movements, each with its own date."""

    PAID = "paid", _("Paid")
    REFUNDED = "refunded", _("Refunded")
    REVERSED = "reversed", _("Reversed")


class StatementEntry(AppendOnlyModel):
    """One movement in the closed month that it was booked into; never changed, never deleted.

    `at` is its own date: before the month's first day if it was booked after its own month was closed. `vat` and
    `tax_free` are parts of `amount`, null if they are not known. `fee` is in KRW.
    """

    month = models.ForeignKey(StatementMonth, verbose_name=_("month"), on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(_("kind"), max_length=10, choices=MovementKind.choices)
    # Found by the unique constraints below; nobody looks for the entries of a payment otherwise.
    payment = models.ForeignKey(
        Payment, verbose_name=_("payment"), on_delete=models.PROTECT, related_name="+", db_index=False
    )
    refund = models.ForeignKey(
        RefundRecord, verbose_name=_("refund"), null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    reversal = models.ForeignKey(
        RefundReversal,
        verbose_name=_("refund reversal"),
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    at = models.DateTimeField(_("date"))
    pg_provider = models.CharField(_("PG"), max_length=limits.TEXTS["pg_provider"], blank=True)
    pay_method = models.CharField(_("method"), max_length=limits.TEXTS["pay_method"], blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    amount = AmountField(_("amount"))
    fee = AmountField(_("transfer fee (KRW)"), default=Decimal(0))
    vat = AmountField(_("VAT part"), null=True)
    tax_free = AmountField(_("tax-free part"), null=True)

    class Meta:
        verbose_name = _("movement of a closed month")
        verbose_name_plural = _("movements of closed months")
        ordering = ("id",)
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["payment"], condition=Q(kind="paid"), name="payment_in_one_month"),
            models.UniqueConstraint(fields=["refund"], condition=Q(kind="refunded"), name="refund_in_one_month"),
            models.UniqueConstraint(fields=["reversal"], condition=Q(kind="reversed"), name="reversal_in_one_month"),
            models.CheckConstraint(
                condition=Q(kind="paid", refund=None, reversal=None)
                | Q(kind="refunded", refund__isnull=False, reversal=None)
                | Q(kind="reversed", refund__isnull=False, reversal__isnull=False),
                name="statement_entry_kind_matches",
            ),
            models.CheckConstraint(
                condition=Q(vat=None, tax_free=None) | Q(vat__isnull=False, tax_free__isnull=False),
                name="statement_entry_parts_together",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d}"
