"""The switches, the logs and the settings of the sandbox."""

from __future__ import annotations

import threading
from decimal import Decimal

from django.conf import settings
from django.db import models

TOKEN_LIFE_SECONDS = 30 * 60


class FaultRule(models.Model):
    """A fault rule of an endpoint."""

    endpoint = models.CharField(max_length=20)
    fault = models.CharField(max_length=20)
    times = models.IntegerField(null=True, blank=True)  # how many times it can still fire; None = always
    probability = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal(1))
    seconds = models.DecimalField(max_digits=7, decimal_places=3, default=Decimal(1))
    message = models.CharField(max_length=200, blank=True)
    imp_uid = models.CharField(max_length=32, blank=True)
    fired = models.IntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.fault} on {self.endpoint}"


class Quirk(models.Model):
    """A switched-on untidiness, of one payment or of all."""

    name = models.CharField(max_length=30)
    imp_uid = models.CharField(max_length=32, blank=True)
    times = models.IntegerField(null=True, blank=True)  # how many more cancels; None = always
    options = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class CallLog(models.Model):
    """One received API call; written on arrival, completed with the answer."""

    endpoint = models.CharField(max_length=20, db_index=True)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=300)
    params = models.JSONField(default=dict)
    imp_uid = models.CharField(max_length=40, blank=True)
    http_status = models.IntegerField(null=True)
    code = models.IntegerField(null=True)
    fault = models.CharField(max_length=20, blank=True)
    at = models.BigIntegerField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class WebhookDelivery(models.Model):
    """One notification and the result of its delivery."""

    url = models.CharField(max_length=500)
    format = models.CharField(max_length=10)
    body = models.JSONField()
    http_status = models.IntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    at = models.BigIntegerField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"webhook {self.pk} to {self.url}"


class Config(models.Model):
    """The settings of the sandbox: one row, or none while all are at their defaults."""

    webhook_url = models.CharField(max_length=500, blank=True)
    webhook_format = models.CharField(max_length=10, default="json")
    token_life_seconds = models.IntegerField(default=TOKEN_LIFE_SECONDS)
    async_settle_seconds = models.IntegerField(null=True, blank=True)
    contracts = models.JSONField(default=dict)
    mixed_mids = models.JSONField(default=list)  # the PGs whose MID is for taxable and tax-free goods
    holder_gone = models.BooleanField(default=False)  # GET /vbanks/holder no longer exists
    now = models.BigIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return "sandbox settings"

    @classmethod
    def load(cls) -> Config:
        """Return the stored settings, or the defaults. Cached, as every call reads them several times."""
        with _config_lock:
            if "config" not in _config_cache:
                _config_cache["config"] = cls.objects.filter(pk=1).first() or cls(
                    pk=1,
                    webhook_url=settings.SANDBOX_WEBHOOK_URL,
                    webhook_format=settings.SANDBOX_WEBHOOK_FORMAT,
                )
            return _config_cache["config"]

    @classmethod
    def forget(cls) -> None:
        """Clear the cache. Call it after the change is committed."""
        with _config_lock:
            _config_cache.clear()


_config_cache: dict[str, Config] = {}
_config_lock = threading.Lock()
