"""The tables of the simulated i'mport. Times are UNIX seconds (0 = never), as in its API."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models

TOKEN_LIFE_SECONDS = 30 * 60


def amount_field(**options: Any) -> models.DecimalField[Decimal, Decimal]:
    """Money in major units; SQLite stores 15 digits exactly."""
    return models.DecimalField(max_digits=15, decimal_places=2, **options)


class Payment(models.Model):
    """One payment at i'mport."""

    class Status(models.TextChoices):
        """i'mport's four states; `cancelled` begins with the first partial cancel."""

        READY = "ready"
        PAID = "paid"
        CANCELLED = "cancelled"
        FAILED = "failed"

    imp_uid = models.CharField(max_length=32, unique=True)
    merchant_uid = models.CharField(max_length=40, db_index=True)
    customer_uid = models.CharField(max_length=80, blank=True)
    pay_method = models.CharField(max_length=20, default="card")
    channel = models.CharField(max_length=10, default="pc")
    pg_provider = models.CharField(max_length=20, default="html5_inicis")
    emb_pg_provider = models.CharField(max_length=20, blank=True)
    pg_tid = models.CharField(max_length=80, blank=True)
    pg_id = models.CharField(max_length=40, default="INIpayTest")
    escrow = models.BooleanField(default=False)
    apply_num = models.CharField(max_length=20, blank=True)
    currency = models.CharField(max_length=3, default="KRW")
    amount = amount_field()
    cancel_amount = amount_field(default=Decimal(0))
    tax_free = amount_field(default=Decimal(0))
    vat_amount = models.DecimalField(max_digits=15, decimal_places=2, null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.PAID)
    started_at = models.BigIntegerField(default=0)
    paid_at = models.BigIntegerField(default=0)
    failed_at = models.BigIntegerField(default=0)
    cancelled_at = models.BigIntegerField(default=0)
    status_at = models.BigIntegerField(default=0, db_index=True)
    fail_reason = models.CharField(max_length=200, blank=True)
    cancel_reason = models.CharField(max_length=200, blank=True)
    receipt_url = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=100, default="샌드박스 주문")
    buyer_name = models.CharField(max_length=50, default="홍길동")
    buyer_email = models.CharField(max_length=100, default="buyer@example.com")
    buyer_tel = models.CharField(max_length=30, default="010-1234-5678")
    buyer_addr = models.CharField(max_length=200, blank=True)
    buyer_postcode = models.CharField(max_length=10, blank=True)
    custom_data = models.TextField(blank=True)
    user_agent = models.CharField(max_length=200, default="sandbox")
    card_code = models.CharField(max_length=10, blank=True)
    card_name = models.CharField(max_length=40, blank=True)
    card_number = models.CharField(max_length=30, blank=True)
    card_type = models.IntegerField(null=True, blank=True)
    card_quota = models.IntegerField(default=0)
    bank_code = models.CharField(max_length=10, blank=True)
    bank_name = models.CharField(max_length=40, blank=True)
    vbank_code = models.CharField(max_length=10, blank=True)
    vbank_name = models.CharField(max_length=40, blank=True)
    vbank_num = models.CharField(max_length=30, blank=True)
    vbank_holder = models.CharField(max_length=50, blank=True)
    vbank_date = models.BigIntegerField(default=0)
    vbank_issued_at = models.BigIntegerField(default=0)
    cash_receipt_issued = models.BooleanField(default=False)
    promotion = models.JSONField(null=True, blank=True)

    # Only in the sandbox.
    test_channel = models.BooleanField(default=False)
    foreign_card = models.BooleanField(default=False)
    card_points = models.BooleanField(default=False)
    history_without_ids = models.BooleanField(default=False)
    total_lag = amount_field(default=Decimal(0))  # carried out, but not yet in the total that is shown
    overlay = models.JSONField(default=dict, blank=True)  # shown over the real fields
    stale = models.JSONField(null=True, blank=True)  # an older state, for the next `stale_reads` readings
    stale_reads = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cancel_amount__gte=0, cancel_amount__lte=models.F("amount")),
                name="sandbox_cancel_amount_in_range",
            )
        ]

    def __str__(self) -> str:
        return self.imp_uid

    @property
    def promotion_discount(self) -> Decimal:
        """The discount of a promotion; `amount` is the order before it."""
        return Decimal(str((self.promotion or {}).get("discount", 0)))

    def touch(self) -> None:
        """Set the time of the final status, by which status lists are filtered."""
        self.status_at = max(self.paid_at, self.failed_at, self.cancelled_at) or self.started_at


class Cancellation(models.Model):
    """One cancel; a pending one is accepted but not yet in the history."""

    class State(models.TextChoices):
        """A pending cancel ends as done or refused."""

        DONE = "done"
        PENDING = "pending"
        REFUSED = "refused"

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="cancellations")
    cancellation_id = models.CharField(max_length=60, db_index=True)
    pg_tid = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.DONE)
    asked = amount_field()  # as requested, before the discount
    amount = amount_field()  # what was cancelled in money
    tax_free = amount_field(default=Decimal(0))
    vat_amount = amount_field(default=Decimal(0))
    reason = models.CharField(max_length=500, blank=True)
    cancelled_at = models.BigIntegerField(default=0)
    settle_at = models.BigIntegerField(null=True, blank=True)
    receipt_url = models.CharField(max_length=200, blank=True)
    returned = amount_field(default=Decimal(0))  # taken back, although the item still shows it
    hidden = models.BooleanField(default=False)
    id_hidden = models.BooleanField(default=False)
    tid_hidden = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.cancellation_id


class AccessToken(models.Model):
    """A token issued by /users/getToken."""

    token = models.CharField(max_length=64, unique=True)
    expires_at = models.BigIntegerField()

    def __str__(self) -> str:
        return f"token until {self.expires_at}"


class Customer(models.Model):
    """A billing key."""

    customer_uid = models.CharField(max_length=80, unique=True)
    card_number = models.CharField(max_length=30)
    details = models.JSONField(default=dict)
    inserted = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.customer_uid


class Preparation(models.Model):
    """An amount registered before the payment, against tampering in the browser."""

    merchant_uid = models.CharField(max_length=40, unique=True)
    amount = amount_field()

    def __str__(self) -> str:
        return self.merchant_uid


class Account(models.Model):
    """A bank account with a known holder."""

    bank_code = models.CharField(max_length=10)
    bank_num = models.CharField(max_length=30)
    holder = models.CharField(max_length=50)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bank_code", "bank_num"], name="sandbox_one_holder_per_account")]

    def __str__(self) -> str:
        return f"{self.bank_code} {self.bank_num}"


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
