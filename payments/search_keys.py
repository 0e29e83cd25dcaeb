"""Texts as the search compares them: the same person and number, however they were written."""

import re
import unicodedata
from typing import Any

from django.db import models

# 010-1234-5678, +82 (0)10 1234 5678, 0082.10.1234.5678; also the beginning or the end of one.
_TEL = re.compile(r"\+?[\d\s().-]+", re.ASCII)
# The country's number also stands without + or 00, before a whole number.
_KOREA = re.compile(r"(\+|00)820*|^820*(?=[1-9]\d{7,9}$)")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


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


def part_key(text: str) -> str:
    """Return `text_key` in ASCII: every other character is a capital letter with three small ones or digits.

    PostgreSQL's trigrams leave such characters out if the database's locale is C, and know no part of two characters:
    in this form both syllables of a Korean given name have trigrams.
    """
    return _NOT_ASCII.sub(_in_ascii, text_key(text))


def _in_ascii(found: "re.Match[str]") -> str:
    rest, last = divmod(ord(found[0]), 36)
    rest, middle = divmod(rest, 36)
    first, second = divmod(rest, 36)
    return chr(ord("A") + first) + _DIGITS[second] + _DIGITS[middle] + _DIGITS[last]


class KeyField(models.TextField):  # type: ignore[type-arg]  # it takes no arguments when it runs
    """The search key of other fields, `sources`, one on each line; computed whenever the row is written."""

    def __init__(self, *sources: str, **options: Any) -> None:
        self.sources = sources
        super().__init__(**{"default": "", "blank": True, "editable": False, **options})

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        key = "\n".join(self._key(source, getattr(model_instance, source)) for source in self.sources)
        setattr(model_instance, self.attname, key)
        return key

    def deconstruct(self) -> Any:
        """Appear to migrations as a plain text column."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def _key(self, source: str, text: str) -> str:
        return tel_key(text) if source.endswith("tel") else part_key(text)
