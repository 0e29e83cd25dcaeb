"""Model fields: amounts of money, and sentences that are read in another language than they were written in."""

from decimal import Context
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from core.money import ANY_NUMBER, DECIMAL_PLACES, MAX_DIGITS
from core.sentences import packed, said_again, unpacked


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


class _MessageAttribute(DeferredAttribute):
    """Say the message in the language that is active when it is read, not when the row was."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        return said_again(value) if isinstance(value, str) else value

    def __set__(self, instance: Any, value: Any) -> None:
        """Store the message. Without this method Python would never call `__get__` for a row that was read."""
        instance.__dict__[self.field.attname] = value


class _MessageField(models.TextField):  # type: ignore[type-arg]  # it takes no arguments when it runs
    """A message for people, in the reader's language where its words are ours (`core.sentences`)."""

    descriptor_class = _MessageAttribute

    def from_db_value(self, value: str | None, _expression: object, _connection: object) -> str | None:
        return value and unpacked(value)

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return packed(text) if isinstance(text, str) else text

    def deconstruct(self) -> Any:
        """Appear to migrations as a plain column of text."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options


if TYPE_CHECKING:  # the types of Django's own field depend on `null`
    AmountField = models.DecimalField
    MessageField = models.TextField
else:
    AmountField = _AmountField
    MessageField = _MessageField
