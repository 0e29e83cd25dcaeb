"""A field for money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models


def amount_field(**options: Any) -> models.DecimalField[Decimal, Decimal]:
    """Money in major units; SQLite stores 15 digits exactly."""
    return models.DecimalField(max_digits=15, decimal_places=2, **options)
