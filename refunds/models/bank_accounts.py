"""The bank account that a refund went to: personal data, stored encrypted and for a while only."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.encryption.fields import EncryptedTextField
from refunds.models.refunds import RefundRecord


class RefundAccount(models.Model):
    """Holder and number of the account that one refund went to, encrypted (`core.encryption.cipher`).

    A row of its own: code that reads refunds cannot show it by mistake, and it is deleted as a whole.
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
