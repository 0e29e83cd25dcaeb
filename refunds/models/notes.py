"""Notes of staff on payments and refunds. They are never shown outside of the admin."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models import Payment
from refunds.models.append_only import AppendOnlyModel
from refunds.models.refunds import RefundRecord

MAX_NOTE_LENGTH = 2_000


class Note(AppendOnlyModel):
    """What a member of staff wrote about a payment, or about one refund of it; never changed, never deleted.

    `token` is of the form that it was written in: the same form sent twice adds one note.
    """

    payment = models.ForeignKey(Payment, verbose_name=_("payment"), on_delete=models.PROTECT, related_name="notes")
    refund = models.ForeignKey(
        RefundRecord,
        verbose_name=_("refund"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="notes",
    )
    text = models.CharField(_("note"), max_length=MAX_NOTE_LENGTH)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("author (account)"), on_delete=models.PROTECT, related_name="+"
    )
    author_name = models.CharField(_("author"), max_length=200)
    token = models.UUIDField(unique=True, editable=False)
    created_at = models.DateTimeField(_("written at"))

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ("created_at", "id")
        default_permissions = ("add",)
        constraints = (models.CheckConstraint(condition=~Q(text=""), name="note_has_text"),)

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M} {self.author_name}"
