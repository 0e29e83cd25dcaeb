"""Texts as the search compares them: the same person and number, however they were written."""

import re
import unicodedata
from typing import Any

from django.db import models

# 010-1234-5678, +82 (0)10 1234 5678, 0082.10.1234.5678; also the beginning of one.
_TEL = re.compile(r"\+?[\d\s().-]+", re.ASCII)
_KOREA = re.compile(r"(\+|00)820*")


def text_key(text: str) -> str:
    """Return a text without differences of case, width, composition (NFC, NFD) and white space."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def tel_key(text: str) -> str:
    """Return a telephone number's digits, with 0 for +82; empty for a text that is none."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not _TEL.fullmatch(plain):
        return ""
    return re.sub(r"\D", "", _KOREA.sub("0", re.sub(r"[^\d+]", "", plain), count=1))


class KeyField(models.CharField):  # type: ignore[type-arg]  # it takes no arguments when it runs
    """The search key of another field, `source`, computed whenever the row is written."""

    def __init__(self, source: str = "", **options: Any) -> None:
        self.source = source
        super().__init__(**{"default": "", "blank": True, "editable": False, **options})

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        text = getattr(model_instance, self.source)
        key = (tel_key if self.source.endswith("tel") else text_key)(text)[: self.max_length]
        setattr(model_instance, self.attname, key)
        return key

    def deconstruct(self) -> Any:
        """Appear to migrations as a plain text column."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options
