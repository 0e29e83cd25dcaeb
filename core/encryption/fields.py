"""A column that stores ciphertext."""

from typing import Any

from django.db import models

from core.encryption.cipher import is_ciphertext


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # it takes no arguments when it runs
    """Text made by `cipher.encrypt`, and nothing else: plain text raises `ValueError` before it is stored.

    The value stays encrypted on the model, in `values()` and in dumps; `cipher.decrypt` opens it where it is needed.
    `manage.py reencrypt` finds these columns by their class.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"editable": False, **options})

    def deconstruct(self) -> Any:
        """Appear to migrations as a plain text column."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        if text and not is_ciphertext(text):
            raise ValueError(f"{self.model.__name__}.{self.name} is not encrypted")  # without the text itself
        return text
