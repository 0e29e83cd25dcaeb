"""What staff asked for at once in the admin, and what became of each order."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.money import DECIMAL_PLACES, MAX_DIGITS
from payments.models import Payment
from refunds.models.refunds import RefundRecord


class RefundBatch(models.Model):
    """One press of "Refund" in the admin. Its token makes a second press show the first one's result."""

    token = models.UUIDField(_("token"), unique=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("requested by"), on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(_("reason"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("requested at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund batch")
        verbose_name_plural = _("refund batches")
        ordering = ("-id",)

    def __str__(self) -> str:
        return str(self.token)


class RefundBatchItem(models.Model):
    """What became of one order of a batch: a refund record, or the error that kept one from being made."""

    batch = models.ForeignKey(RefundBatch, on_delete=models.CASCADE, related_name="items")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="+")
    amount = models.DecimalField(  # as asked; null = all that was left
        max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, null=True, blank=True
    )
    refund = models.ForeignKey(RefundRecord, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    error_code = models.CharField(max_length=40, blank=True)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=["batch", "payment"], name="payment_once_per_batch"),)

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.payment_id}"
