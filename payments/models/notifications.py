"""The notification inbox, and how far the periodic mirror has read."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments import limits


class NotificationQuerySet(models.QuerySet["Notification"]):
    def waiting(self) -> Self:
        """Those that no finished reading has answered yet."""
        return self.filter(answered__lt=F("notified"))

    def not_begun(self) -> Self:
        """Those waiting whose reading has not begun, so that it comes after every notification so far."""
        return self.waiting().filter(attempts=0)

    def answered(self) -> Self:
        """Those that need no more reading."""
        return self.filter(answered=F("notified"))


class Notification(models.Model):
    """The notifications of one payment, which i'mport has to be read for: one row per payment.

    `answered` is how many of the `notified` notifications came before the last finished reading. While it is less,
    the payment is read at `next_attempt_at`. Taking the row for a reading moves that time on and counts an attempt.
    """

    imp_uid = models.CharField(_("payment number"), max_length=limits.IMP_UID, unique=True)
    requested_at = models.DateTimeField(_("last notified at"))
    notified = models.PositiveIntegerField(_("notifications"), default=1)
    answered = models.PositiveIntegerField(_("notifications processed"), default=0)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    # How often i'mport did not show the payment: not yet, or it was invented.
    unknown = models.PositiveSmallIntegerField(_("attempts that did not find the payment"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), db_index=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = (
            models.CheckConstraint(condition=~Q(imp_uid=""), name="notification_imp_uid_not_empty"),
            models.CheckConstraint(
                condition=Q(answered__lte=F("notified")), name="notification_answered_after_notified"
            ),
        )

    def __str__(self) -> str:
        return self.imp_uid


class MirrorMark(models.Model):
    """Record how far the periodic mirror has read i'mport: one row. `claimed_at` is set while a process is at it."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    mirrored_until = models.DateTimeField(_("mirrored until"), null=True)
    claimed_at = models.DateTimeField(_("sign of life of the process"), null=True)

    class Meta:
        default_permissions = ()  # staff need no permission on it
        constraints = (models.CheckConstraint(condition=Q(id=1), name="mirror_mark_is_one_row"),)

    def __str__(self) -> str:
        return str(self.mirrored_until)
