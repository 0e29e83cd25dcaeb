"""Cancels that i'mport took back: the money of a refund that came back to the shop."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.fields import AmountField
from core.money import format_money
from refunds.models.append_only import AppendOnlyModel
from refunds.models.refunds import RefundRecord


class RefundReversal(AppendOnlyModel):
    """One refund, or a part of it, that was taken back; never changed, never deleted.

    The refund stays `succeeded`; `RefundRecord.reversed_amount` is the sum of its reversals. `seen_at` is when i'mport
    was first seen to show less refunded, `created_at` when somebody accepted it.
    """

    refund = models.ForeignKey(
        RefundRecord, verbose_name=_("refund"), on_delete=models.PROTECT, related_name="reversals"
    )
    amount = AmountField(_("amount"))
    reason = models.CharField(_("reason"), max_length=500)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("accepted by (account)"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    accepted_by_name = models.CharField(_("accepted by"), max_length=200)
    seen_at = models.DateTimeField(_("first seen"))
    created_at = models.DateTimeField(_("accepted at"))

    class Meta:
        verbose_name = _("refund reversal")
        verbose_name_plural = _("refund reversals")
        ordering = ("-id",)
        default_permissions = ()
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="reversal_amount_positive"),
            models.CheckConstraint(condition=~Q(reason=""), name="reversal_has_a_reason"),
        )

    def __str__(self) -> str:
        return f"{self.refund.number} ({format_money(self.amount, self.refund.payment.currency)})"
