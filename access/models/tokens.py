"""API tokens: they authenticate a server and limit its permissions, amounts and time."""

from datetime import datetime
from decimal import Decimal
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.fields import AmountField
from core.money import KRW, fits_precision, is_currency


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: datetime) -> Self:
        """Return the tokens that are neither revoked nor expired. Does not check that the account is active."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)

    def expired(self, now: datetime) -> Self:
        return self.filter(expires_at__lte=now, revoked_at=None)

    def revoked(self) -> Self:
        return self.filter(revoked_at__isnull=False)


class TokenState(models.TextChoices):
    ACTIVE = "active", _("Active")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


class ApiToken(models.Model):
    """A token acts as its user, restricted by scopes and limits. Only a hash of it is stored.

    Limits are in major units of `limit_currency`; null means no limit. A token with a limit refunds no other currency.
    """

    name = models.CharField(
        _("name"), max_length=100, help_text=_("The server that uses it, such as “shop web server”.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("acts as"),
        on_delete=models.PROTECT,
        related_name="api_tokens",
        limit_choices_to={"is_active": True},  # a token of another one could not be used
        help_text=_("The token can view and refund only what this account can."),
    )
    start = models.CharField(_("first characters"), max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)

    may_read = models.BooleanField(_("can read"), default=True)
    may_refund = models.BooleanField(_("can refund"), default=False)
    max_amount = AmountField(
        _("max per refund"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.001"))],
    )
    max_per_day = AmountField(
        _("max per day"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.001"))],
        help_text=_("Total per day, Korean time."),
    )
    limit_currency = models.CharField(_("currency of the limits"), max_length=3, default=KRW)

    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    expires_at = models.DateTimeField(pgettext_lazy("token", "valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    # The plain token, which a server sends; set only in the process that creates it and never stored.
    secret: str = ""

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(condition=Q(may_read=True) | Q(may_refund=True), name="token_may_do_something"),
            models.CheckConstraint(
                condition=Q(max_amount=None) | Q(max_amount__gt=0), name="token_max_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(max_per_day=None) | Q(max_per_day__gt=0), name="token_max_per_day_positive"
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")), name="token_expires_later"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.start}…)"

    def clean(self) -> None:
        """Raise `ValidationError`, per field, for a token that allows nothing or has invalid limits."""
        if not (self.may_read or self.may_refund):
            message = _("Choose at least one action to allow.")
            raise ValidationError({"may_refund": ValidationError(message, code="token_may_nothing")})
        if not is_currency(self.limit_currency):
            message = _("Unknown currency. Enter a three-letter code, such as KRW or USD.")
            raise ValidationError({"limit_currency": ValidationError(message, code="currency_unknown")})
        limits = {"max_amount": self.max_amount, "max_per_day": self.max_per_day}
        for name, limit in limits.items():
            if limit is not None and not fits_precision(limit, self.limit_currency):
                message = _("Too many decimals for this currency.")
                raise ValidationError({name: ValidationError(message, code="amount_too_precise")})
        if self.max_amount is not None and self.max_per_day is not None and self.max_amount > self.max_per_day:
            message = _("This is above the daily limit.")
            raise ValidationError({"max_amount": ValidationError(message, code="more_than_per_day")})

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def state(self, now: datetime) -> TokenState:
        if self.revoked_at is not None:
            return TokenState.REVOKED
        return TokenState.ACTIVE if self.is_usable(now) else TokenState.EXPIRED

    @property
    def has_limit(self) -> bool:
        return self.max_amount is not None or self.max_per_day is not None
