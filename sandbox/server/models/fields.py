"""A field for money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models


def amount_field(**options: Any) -> models.DecimalField[Decimal, Decimal]:
    """Money in major units; thousandths, for KWD and the like."""
    return models.DecimalField(max_digits=16, decimal_places=3, **options)
