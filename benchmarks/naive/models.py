"""The guide's table of payments."""

from django.db import models


class Payment(models.Model):
    imp_uid = models.CharField(max_length=40)
    merchant_uid = models.CharField(max_length=80, unique=True)
    amount = models.IntegerField()
    cancel_amount = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.merchant_uid
