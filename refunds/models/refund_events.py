"""The append-only timeline of a refund."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.fields import MessageField
from refunds.models.append_only import AppendOnlyModel
from refunds.models.refund_states import RefundStatus
from refunds.models.refunds import RefundRecord


class RefundEvent(AppendOnlyModel):
    """One line of a refund's timeline; never changed, never deleted. `data` holds ids and amounts, no secrets."""

    refund = models.ForeignKey(RefundRecord, verbose_name=_("refund"), on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(_("time"))
    status = models.CharField(_("status"), max_length=10, choices=RefundStatus.choices)
    code = models.CharField(_("event"), max_length=40)
    message = MessageField(_("message"), blank=True)
    actor = models.CharField(_("by"), max_length=200, blank=True)
    data = models.JSONField(_("details"), default=dict, blank=True)

    class Meta:
        verbose_name = _("refund event")
        verbose_name_plural = _("refund events")
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.code}"
