"""The bank account a refund went to: personal data, encrypted and kept for a while only."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.encryption.fields import EncryptedTextField
from refunds.models.refunds import RefundRecord


class RefundAccount(models.Model):
    """Holder and number of the account one refund went to, encrypted (`core.encryption.cipher`).

    A row of its own, so that nothing which reads refunds can show it by mistake, and dropping it is deleting it.
    """

    refund = models.OneToOneField(RefundRecord, on_delete=models.CASCADE, related_name="stored_account")
    encrypted = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("refund account")
        verbose_name_plural = _("refund accounts")
        default_permissions = ()

    def __str__(self) -> str:
        return f"•••• {self.refund.refund_account_last4}"
