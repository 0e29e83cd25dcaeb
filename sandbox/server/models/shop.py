"""What a shop has at i'mport besides payments."""

from __future__ import annotations

from django.db import models

from sandbox.server.models.fields import amount_field


class AccessToken(models.Model):
    """A token issued by /users/getToken."""

    token = models.CharField(max_length=64, unique=True)
    expires_at = models.BigIntegerField()

    def __str__(self) -> str:
        return f"token until {self.expires_at}"


class Customer(models.Model):
    """A billing key."""

    customer_uid = models.CharField(max_length=80, unique=True)
    pg_provider = models.CharField(max_length=20, default="nice")
    card_number = models.CharField(max_length=30)  # masked
    card_check = models.CharField(max_length=10, blank=True)  # what decides about its payments: see billing.py
    expiry = models.CharField(max_length=7)
    details = models.JSONField(default=dict)
    inserted = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.customer_uid


class Preparation(models.Model):
    """An amount registered before the payment, against tampering in the browser."""

    merchant_uid = models.CharField(max_length=40, unique=True)
    amount = amount_field()
    currency = models.CharField(max_length=3, blank=True)  # blank: not checked

    def __str__(self) -> str:
        return self.merchant_uid


class Schedule(models.Model):
    """A payment with a billing key at a later time."""

    class Status(models.TextChoices):
        """A schedule is executed at its time, or revoked before."""

        SCHEDULED = "scheduled"
        EXECUTED = "executed"
        REVOKED = "revoked"

    customer_uid = models.CharField(max_length=80, db_index=True)
    merchant_uid = models.CharField(max_length=40, db_index=True)
    schedule_at = models.BigIntegerField()
    executed_at = models.BigIntegerField(default=0)
    revoked_at = models.BigIntegerField(default=0)
    schedule_status = models.CharField(max_length=10, choices=Status, default=Status.SCHEDULED)
    order = models.JSONField(default=dict)  # amount, currency, name, buyer_*, ...
    imp_uid = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ["-schedule_at", "-id"]

    def __str__(self) -> str:
        return self.merchant_uid


class Receipt(models.Model):
    """A cash receipt, of a payment or of cash paid elsewhere."""

    imp_uid = models.CharField(max_length=32, blank=True, db_index=True)
    merchant_uid = models.CharField(max_length=40, blank=True, db_index=True)  # of an external one
    receipt_tid = models.CharField(max_length=40)
    apply_num = models.CharField(max_length=20)
    type = models.CharField(max_length=10, default="person")
    amount = amount_field()
    vat = amount_field()
    applied_at = models.BigIntegerField()
    cancelled_at = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.receipt_tid


class Account(models.Model):
    """A bank account with a known holder."""

    bank_code = models.CharField(max_length=10)
    bank_num = models.CharField(max_length=30)
    holder = models.CharField(max_length=50)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bank_code", "bank_num"], name="sandbox_one_holder_per_account")]

    def __str__(self) -> str:
        return f"{self.bank_code} {self.bank_num}"
