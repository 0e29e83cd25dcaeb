"""E-mails to buyers about their refunds: the outbox, the shop's settings and its own wording."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.fields import MessageField
from core.sentences import sentence_lazy as _
from payments import limits
from refunds.models.refunds import RefundRecord


class NoticeKind(models.TextChoices):
    """What a buyer is told. A refund has at most one notice of each kind."""

    REFUNDED = "refunded", _("Refunded")
    ACCEPTED = "accepted", _("Accepted by the PG")
    REFUSED = "refused", _("Refund failed")
    LATE = "late", _("Takes longer than usual")


class NoticeStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Not sent")
    SKIPPED = "skipped", _("Not needed")


class NoticeLanguage(models.TextChoices):
    KOREAN = "ko", _("Korean")
    ENGLISH = "en", _("English")


class NoticeQuerySet(models.QuerySet["BuyerNotice"]):
    def due(self, now: datetime) -> Self:
        """Those to send now. The process that sends one moves its `next_try_at` first."""
        return self.filter(status=NoticeStatus.WAITING, next_try_at__lte=now)


class BuyerNotice(models.Model):
    """One e-mail to the buyer of a refund: written with what it tells, sent by the worker.

    `to`, `language` and the texts are those of the latest mail that was sent or tried. `attempts` counts since it last
    became due. `error` says why it was not sent or not needed.
    """

    refund = models.ForeignKey(RefundRecord, verbose_name=_("refund"), on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(_("kind of e-mail"), max_length=10, choices=NoticeKind.choices)
    status = models.CharField(_("status"), max_length=10, choices=NoticeStatus.choices, default=NoticeStatus.WAITING)
    language = models.CharField(_("language"), max_length=2, choices=NoticeLanguage.choices, blank=True)
    to = models.CharField(_("recipient"), max_length=limits.TEXTS["buyer_email"], blank=True)
    subject = models.CharField(_("subject"), max_length=500, blank=True)
    body_text = models.TextField(_("text"), blank=True)
    body_html = models.TextField(_("HTML"), blank=True)
    error = MessageField(_("reason"), blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    resends = models.PositiveIntegerField(_("sent again"), default=0)
    created_at = models.DateTimeField(_("written at"), default=timezone.now, editable=False)
    next_try_at = models.DateTimeField(_("next attempt"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("e-mail to a buyer")
        verbose_name_plural = _("e-mails to buyers")
        ordering = ("-id",)
        default_permissions = ()
        indexes = (
            models.Index(fields=["next_try_at"], condition=Q(status="waiting"), name="notice_due"),
            models.Index(fields=["status", "-id"], name="notice_by_status"),
            models.Index(fields=["next_try_at"], condition=~Q(body_text=""), name="notice_with_text"),
        )
        constraints = (
            models.UniqueConstraint(fields=["refund", "kind"], name="one_notice_per_refund_and_kind"),
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="notice_kind_known"),
            models.CheckConstraint(condition=Q(status__in=NoticeStatus.values), name="notice_status_known"),
            models.CheckConstraint(
                condition=~Q(status="sent") | (Q(sent_at__isnull=False) & ~Q(to="")), name="notice_sent_to_somebody"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["failed", "skipped"]) | ~Q(error=""), name="notice_not_sent_has_a_reason"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} → {self.refund.number}"


class NoticeSettings(models.Model):
    """How this shop tells its buyers: one row, made when it is first saved. `on_since` null: no mail is written.

    `kinds` are those that are on. `sender` empty: EMAIL_FROM.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    on_since = models.DateTimeField(null=True, blank=True, editable=False)
    kinds = models.JSONField(_("kinds of e-mails"), default=list, blank=True)
    shop = models.CharField(_("name of the shop"), max_length=100, blank=True)
    sender = models.EmailField(_("sender address"), blank=True)
    reply_to = models.EmailField(_("address for replies"), blank=True)
    language = models.CharField(
        _("language"), max_length=2, choices=NoticeLanguage.choices, default=NoticeLanguage.KOREAN
    )

    class Meta:
        verbose_name = _("settings of e-mails to buyers")
        verbose_name_plural = verbose_name
        default_permissions = ()
        permissions = (("manage_notices", _("Can edit e-mails to buyers and business days")),)
        constraints = (models.CheckConstraint(condition=Q(id=1), name="notice_settings_is_one_row"),)

    def __str__(self) -> str:
        return str(self._meta.verbose_name)


class NoticeText(models.Model):
    """The shop's own wording of one kind in one language; without it, `refunds.notices.wording` has the usual one."""

    kind = models.CharField(_("kind of e-mail"), max_length=10, choices=NoticeKind.choices)
    language = models.CharField(_("language"), max_length=2, choices=NoticeLanguage.choices)
    subject = models.CharField(_("subject"), max_length=150)
    body = models.TextField(_("text"))

    class Meta:
        verbose_name = _("wording of an e-mail to buyers")
        verbose_name_plural = _("wordings of e-mails to buyers")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["kind", "language"], name="one_wording_per_kind_and_language"),
            models.CheckConstraint(condition=~Q(subject="") & ~Q(body=""), name="notice_text_not_empty"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_language_display()})"


class BusinessDayException(models.Model):
    """A day on which Korean banks are closed, or open, against the calendar of the package `holidays`."""

    day = models.DateField(_("day"), unique=True)
    name = models.CharField(_("name"), max_length=100)
    is_business_day = models.BooleanField(_("banks are open"), default=False)

    class Meta:
        verbose_name = _("business day exception")
        verbose_name_plural = _("business day exceptions")
        ordering = ("-day",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.name}"
