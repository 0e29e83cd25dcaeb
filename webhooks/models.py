"""Webhook endpoints, events, and the deliveries and attempts that take one to the other."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Min, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.encryption.fields import EncryptedTextField
from refunds.models import RefundApproval, RefundRecord, RefundReversal
from webhooks.failures import Failure

MAX_URL_LENGTH = 500


class EventType(models.TextChoices):
    REFUND_SUCCEEDED = "refund.succeeded", _("Refunded")
    REFUND_FAILED = "refund.failed", _("Refund failed")
    REFUND_REVERSED = "refund.reversed", _("Refund reversed")
    REFUND_REQUESTED = "refund.requested", _("Approval requested")
    REFUND_APPROVED = "refund.approved", _("Approved")
    REFUND_REJECTED = "refund.rejected", _("Rejected, expired or withdrawn")
    PING = "ping", _("Test")


APPROVAL_TYPES = (EventType.REFUND_REQUESTED, EventType.REFUND_APPROVED, EventType.REFUND_REJECTED)


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def free(self, now: datetime) -> Self:
        """Those that may be sent to: switched on, not paused, and no other process sends to them."""
        return self.filter(
            Q(busy_until=None) | Q(busy_until__lte=now), Q(paused_until=None) | Q(paused_until__lte=now), enabled=True
        )


class Endpoint(models.Model):
    """A server that receives events. `types` are the events it wants; none means all, also those added later.

    Its secrets are encrypted. For a while after a new one was made, the old one signs as well. The process that sends
    to it sets `busy_until`; after failures in a row nothing is sent before `paused_until`.
    """

    name = models.CharField(_("name"), max_length=100, unique=True)
    url = models.CharField(_("address"), max_length=MAX_URL_LENGTH)
    enabled = models.BooleanField(_("switched on"), default=True)
    types = models.JSONField(_("events"), default=list, blank=True)
    disabled_by_410 = models.BooleanField(_("switched off by a 410 answer"), default=False)

    secret = EncryptedTextField()
    secret_made_at = models.DateTimeField(_("secret created at"), default=timezone.now, editable=False)
    old_secret = EncryptedTextField(blank=True)
    old_secret_until = models.DateTimeField(_("old secret valid until"), null=True, blank=True, editable=False)

    busy_until = models.DateTimeField(null=True, blank=True, editable=False)
    paused_until = models.DateTimeField(null=True, blank=True, editable=False)

    created_at = models.DateTimeField(_("added at"), default=timezone.now, editable=False)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ("name",)
        default_permissions = ("add", "change", "view")
        constraints = (
            models.CheckConstraint(condition=~Q(secret=""), name="endpoint_has_a_secret"),
            models.CheckConstraint(
                condition=Q(old_secret="", old_secret_until=None) | (~Q(old_secret="") & ~Q(old_secret_until=None)),
                name="endpoint_old_secret_has_an_end",
            ),
            models.CheckConstraint(condition=Q(disabled_by_410=False) | Q(enabled=False), name="endpoint_gone_is_off"),
        )

    def __str__(self) -> str:
        return self.name

    def is_paused(self, now: datetime) -> bool:
        """Tell whether nothing is sent for now, because it kept failing. One that is off is not paused."""
        return self.enabled and self.paused_until is not None and self.paused_until > now

    def wants(self, event_type: str) -> bool:
        return not self.types or event_type in self.types


class Event(models.Model):
    """An event. `body` is written before the first attempt, and is the same for every endpoint and attempt.

    `refund` is what it is about, `reversal` as well if a refund was reversed; or `approval`, before there is a
    refund. A test has none of them.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    type = models.CharField(_("event"), max_length=40, choices=EventType.choices)
    refund = models.ForeignKey(
        RefundRecord, verbose_name=_("refund"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reversal = models.OneToOneField(
        RefundReversal,
        verbose_name=_("refund reversal"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    approval = models.ForeignKey(
        RefundApproval, verbose_name=_("approval"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("happened at"), db_index=True)
    body = models.TextField(_("content"), blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("-id",)
        default_permissions = ()
        constraints = (
            # A refund ends once, so it has one event besides those of its reversals.
            models.UniqueConstraint(
                fields=["refund"], condition=Q(refund__isnull=False, reversal=None), name="one_event_for_each_refund"
            ),
            models.CheckConstraint(condition=Q(type__in=EventType.values), name="event_type_known"),
            models.CheckConstraint(
                condition=Q(type="ping", refund=None, approval=None)
                | Q(type__in=APPROVAL_TYPES, refund=None, approval__isnull=False)
                | (~Q(type__in=["ping", *APPROVAL_TYPES]) & Q(refund__isnull=False, approval=None)),
                name="event_is_about_a_refund",
            ),
            # A request is made once and ends once.
            models.UniqueConstraint(
                fields=["approval", "type"], condition=Q(approval__isnull=False), name="one_event_for_each_decision"
            ),
            models.CheckConstraint(
                condition=Q(type="refund.reversed", reversal__isnull=False)
                | (~Q(type="refund.reversed") & Q(reversal=None)),
                name="event_of_a_reversal_names_it",
            ),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"

    @property
    def message_id(self) -> str:
        """Return the `webhook-id`, by which a receiver recognises an event that it already has."""
        return f"evt_{self.uuid.hex}"


class DeliveryStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    GIVEN_UP = "given_up", _("Given up")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, now: datetime) -> Self:
        """Those to send now: no process sends them, or it must have died."""
        return self._to_send().filter(Q(taken_until=None) | Q(taken_until__lte=now), next_attempt_at__lte=now)

    def held(self, now: datetime) -> Self:
        """Those whose time comes, or has come, before the pause of their endpoint is over."""
        paused = Q(endpoint__paused_until__gt=now, next_attempt_at__lt=F("endpoint__paused_until"))
        return self._to_send().not_being_sent(now).filter(paused)

    def _to_send(self) -> Self:
        return self.filter(status=DeliveryStatus.WAITING, endpoint__enabled=True)

    def next_due_at(self) -> datetime | None:
        """Return when the first of them is to be sent; None if none is waiting."""
        at = Greatest("next_attempt_at", Coalesce("taken_until", "next_attempt_at"))
        found: datetime | None = self._to_send().aggregate(at=Min(at))["at"]
        return found

    def not_being_sent(self, now: datetime) -> Self:
        return self.filter(Q(taken_until=None) | Q(taken_until__lte=now))


class Delivery(models.Model):
    """One event for one endpoint. `attempts` counts all; `failures` only those since it was last made due again.

    The process that sends it sets `taken_until`. If it dies, another one sends the delivery again after that.
    """

    event = models.ForeignKey(Event, verbose_name=_("event"), on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(
        Endpoint,
        verbose_name=_("webhook endpoint"),
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_index=False,
    )
    status = models.CharField(
        _("status"), max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.WAITING
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    failures = models.PositiveIntegerField(_("failed attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"))
    taken_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-id",)
        default_permissions = ("view",)
        permissions = (("send_delivery", _("Can send events again")),)
        indexes = (
            models.Index(fields=["endpoint", "next_attempt_at"], condition=Q(status="waiting"), name="delivery_due"),
            models.Index(fields=["endpoint", "-id"], name="delivery_by_endpoint"),
            models.Index(fields=["status", "-id"], name="delivery_by_status"),
        )
        constraints = (
            models.UniqueConstraint(fields=["event", "endpoint"], name="one_delivery_per_event_and_endpoint"),
            models.CheckConstraint(condition=Q(status__in=DeliveryStatus.values), name="delivery_status_known"),
            models.CheckConstraint(
                condition=Q(status="waiting", finished_at=None)
                | (~Q(status="waiting") & Q(finished_at__isnull=False, taken_until=None)),
                name="delivery_finished_unless_waiting",
            ),
        )

    def __str__(self) -> str:
        return f"{self.event.get_type_display()} → {self.endpoint.name}"

    def is_being_sent(self, now: datetime) -> bool:
        return self.taken_until is not None and self.taken_until > now

    def is_held(self, now: datetime) -> bool:
        """Tell whether it waits for the end of its endpoint's pause, and not for its own next attempt."""
        until = self.endpoint.paused_until
        waits = self.status == DeliveryStatus.WAITING and not self.is_being_sent(now) and self.endpoint.is_paused(now)
        return waits and until is not None and self.next_attempt_at < until


class Attempt(models.Model):
    """One attempt to send a delivery. With neither `status` nor `error` it is under way, or its process was stopped."""

    delivery = models.ForeignKey(
        Delivery, verbose_name=_("delivery"), on_delete=models.CASCADE, related_name="attempt_log"
    )
    at = models.DateTimeField(_("time"))
    status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=20, choices=Failure.choices, blank=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"), null=True, blank=True)
    answer = models.TextField(_("response"), blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("id",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.status or self.error}"
