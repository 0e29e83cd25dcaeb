"""The API's response to a request with an `Idempotency-Key`, to be repeated word for word."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from refunds.models.refunds import RefundRecord


class IdempotentAnswer(models.Model):
    """The final response to the request that made one refund. The key itself is on the refund."""

    refund = models.OneToOneField(RefundRecord, on_delete=models.CASCADE, related_name="stored_answer")
    http_status = models.PositiveSmallIntegerField()
    body = models.TextField()  # JSON as text: a JSON column may change the order of its keys
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("stored response")
        verbose_name_plural = _("stored responses")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.refund_id}: {self.http_status}"
