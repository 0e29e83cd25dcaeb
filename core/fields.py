"""The model field of an amount of money."""

from decimal import Context
from typing import TYPE_CHECKING, Any

from django.db import models

from core.money import ANY_NUMBER, DECIMAL_PLACES, MAX_DIGITS


class _AmountField(models.DecimalField):  # type: ignore[type-arg]  # it takes no arguments when it runs
    """An amount in major units of a currency.

    SQLite stores any number, whatever its column says. This field reads all of them, so that one row cannot break
    every list that has it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "max_digits": MAX_DIGITS, "decimal_places": DECIMAL_PLACES})

    @property
    def context(self) -> Context:
        return ANY_NUMBER

    def deconstruct(self) -> Any:
        """Appear to migrations as a plain decimal column."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.DecimalField", args, options


if TYPE_CHECKING:  # the types of Django's own field depend on `null`
    AmountField = models.DecimalField
else:
    AmountField = _AmountField
