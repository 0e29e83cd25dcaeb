"""A column for what lies sealed in the database."""

from typing import Any

from django.db import models

from core.encryption.cipher import looks_sealed


class SealedTextField(models.TextField):  # type: ignore[type-arg]  # it takes no arguments when it runs
    """Text made by `cipher.seal`, and nothing else: plain text raises `ValueError` before it is stored.

    The value stays sealed on the model, in `values()` and in dumps; `cipher.unseal` opens it where it is needed.
    `manage.py reseal` finds these columns by their class.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"editable": False, **options})

    def deconstruct(self) -> Any:
        """A plain text column, to migrations as to the database."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        if text and not looks_sealed(text):
            raise ValueError(f"{self.model.__name__}.{self.name} is not sealed")  # the text itself must not be shown
        return text
