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
