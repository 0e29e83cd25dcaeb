"""Refunds that staff requested together in the admin, and what became of each order."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.encryption.fields import EncryptedTextField
from core.fields import AmountField
from payments.models import Payment
from refunds.models.refunds import RefundRecord


class RefundBatch(models.Model):
    """One bulk refund in the admin. Its token makes a second click on "Refund" show the first one's result."""

    token = models.UUIDField(_("token"), unique=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("requested by"), on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(_("reason"), max_length=255, blank=True)
    language = models.CharField(max_length=20, blank=True)  # of the requester: the worker writes its messages in it
    created_at = models.DateTimeField(_("requested at"), auto_now_add=True)
    active_at = models.DateTimeField(null=True, editable=False)  # last sign of life of any process that refunds it
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund batch")
        verbose_name_plural = _("refund batches")
        ordering = ("-id",)
        indexes = (models.Index(fields=["id"], condition=Q(finished_at=None), name="unfinished_batches"),)

    def __str__(self) -> str:
        return str(self.token)


class RefundBatchItem(models.Model):
    """One order of a batch: what is requested, then the refund record or the error that prevented one.

    Holder, bank, number and telephone of a bank account lie encrypted in `encrypted_account` until the outcome is
    written; the same UPDATE erases them.
    """

    batch = models.ForeignKey(RefundBatch, on_delete=models.CASCADE, related_name="items")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="+")
    amount = AmountField(null=True, blank=True)  # as requested; null = all that was left
    tax_free = AmountField(null=True, blank=True)
    vat_amount = AmountField(null=True, blank=True)
    expected_balance = AmountField(null=True, blank=True)
    requester = models.CharField(max_length=10, default="admin")
    retain_promotion = models.BooleanField(default=False)
    claimed_at = models.DateTimeField(null=True, editable=False)  # when a process took it to refund it
    encrypted_account = EncryptedTextField(blank=True, default="")
    refund = models.ForeignKey(RefundRecord, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    error_code = models.CharField(max_length=40, blank=True)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ("id",)
        indexes = (
            models.Index(
                fields=["batch", "id"], condition=Q(refund=None, error_code=""), name="unfinished_batch_items"
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=["batch", "payment"], name="payment_once_per_batch"),
            models.CheckConstraint(
                condition=Q(encrypted_account="") | Q(refund=None, error_code=""),
                name="batch_item_with_outcome_has_no_account",
            ),
        )

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.payment_id}"
