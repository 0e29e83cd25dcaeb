"""Sentences that are stored and read later, by people of another language.

A `Sentence` is text in the language of the moment that keeps what it was made of: the id of each text in the
catalogues and what was filled in. `packed` writes that down, and `unpacked` says it again in the active language.
Words that are not ours, such as i'mport's, are plain text and stay as they came.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.functional import lazy
from django.utils.translation import get_language, gettext

from core.money import Money, format_money

_MARK = '{"said":'
_PLACEHOLDER = re.compile(r"%\((\w+)\)")
# Plain text; {"id", "with"}: a text of the catalogues; {"amount", "currency"}.
Part = str | dict[str, Any]


class Sentence(str):
    """Text in the active language that can be said again in another one."""

    __slots__ = ("parts",)
    parts: tuple[Part, ...]

    def __new__(cls, text: str, parts: Iterable[Part] = ()) -> "Sentence":
        made = super().__new__(cls, text)
        made.parts = tuple(parts)
        return made

    def __str__(self) -> "Sentence":
        return self

    def __mod__(self, words: Any) -> str:
        if len(self.parts) != 1 or not isinstance(part := self.parts[0], dict) or isinstance(words, tuple):
            return super().__mod__(words)
        filled = {name: words[name] for name in _PLACEHOLDER.findall(self)}
        kept = {name: _parts_of(word) for name, word in filled.items()}
        return Sentence(super().__mod__(filled), [{**part, "with": kept}])


def sentence(text: str) -> Sentence:
    """Translate like `gettext`, and remember. Import it as `_` where a text may be stored."""
    return Sentence(gettext(text), [{"id": text}])


sentence_lazy = lazy(sentence, str)


def joined(*texts: str, between: str = " ") -> str:
    """Join sentences, those that are not empty, into one that remembers them all."""
    given = [str(text) for text in texts if text]
    parts: list[Part] = []
    for text in given:
        parts += [*([between] if parts else []), *_parts_of(text)]
    return Sentence(between.join(given), parts)


def said_again(text: str) -> str:
    """Return the sentence in the active language."""
    return _in_active_language(text.parts, text) if isinstance(text, Sentence) and text.parts else text


def packed(text: str) -> str:
    """Return what to store: the parts of a sentence with their text, or the words of others as they are."""
    parts = _parts_of(text)
    if parts == [text] and not text.startswith(_MARK):
        return str(text)
    return json.dumps({"said": parts, "text": str.__str__(text)}, ensure_ascii=False)


def unpacked(stored: str) -> str:
    """Return what was packed, in the active language."""
    if not stored.startswith(_MARK):
        return stored
    try:
        found = json.loads(stored)
    except ValueError:  # not ours
        return stored
    return _in_active_language(found["said"], found.get("text", stored))


def _in_active_language(parts: Sequence[Part], written: str) -> Sentence:
    """Return the sentence, as it was written if the catalogues no longer have one of its texts."""
    try:
        return Sentence("".join(map(_said, parts)), parts)
    except LookupError:
        return Sentence(written, parts)


def _parts_of(word: object) -> list[Part]:
    if isinstance(word, Money):
        return [{"amount": str(word.amount), "currency": word.currency}]
    text = word if isinstance(word, str) else str(word)
    return list(text.parts) if isinstance(text, Sentence) and text.parts else [text]


def _said(part: Part) -> str:
    """Return a part in the active language. Raises `LookupError` if there is no translation of it."""
    source = part.get("id") if isinstance(part, dict) else None
    if source and gettext(source) == source and not (get_language() or "en").startswith("en"):
        raise LookupError(source)
    return _word(part)


def _word(part: Part) -> str:
    """Return a part in the active language. A name may be the same in all, such as "NHN KCP"."""
    if isinstance(part, str):
        return part
    if "amount" in part:
        return format_money(Decimal(part["amount"]), part["currency"])
    source = part["id"]
    text = gettext(source)
    words: Mapping[str, list[Part]] = part.get("with", {})
    return text % {name: "".join(map(_word, parts)) for name, parts in words.items()} if words else text
