"""The Korean and English catalogues hold every text of the sources, translated, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import polib
import pytest
from babel.messages.extract import extract
from django.utils.translation.template import templatize

PROJECT_DIR = Path(__file__).resolve().parent.parent
PACKAGES = ("config", "payments", "refunds")
LANGUAGES = ("ko", "en")
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (1,)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


class Text(NamedTuple):
    context: str | None
    singular: str
    plural: str


def _catalogue(language: str, suffix: str) -> Path:
    return PROJECT_DIR / "locale" / language / "LC_MESSAGES" / f"django.{suffix}"


def _python_source(path: Path) -> str:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return source
    # Templates become calls of gettext between blanks; their indentation would not be Python's.
    return "\n".join(line.strip() for line in templatize(source, origin=str(path)).splitlines())


def _texts_of(path: Path) -> Iterator[Text]:
    source = BytesIO(_python_source(path).encode())
    for _line, messages, _comments, context in extract("python", source, KEYWORDS, options={"encoding": "utf-8"}):
        singular, plural = messages if isinstance(messages, tuple) else (messages, "")
        if singular:
            yield Text(context, singular, plural)


@cache
def _texts() -> frozenset[Text]:
    sources = [path for package in PACKAGES for path in (PROJECT_DIR / package).rglob("*.py")]
    folders = [PROJECT_DIR / "templates", *(PROJECT_DIR / package / "templates" for package in PACKAGES)]
    templates = [path for folder in folders for pattern in ("*.html", "*.txt") for path in folder.rglob(pattern)]
    return frozenset(text for path in (*sources, *templates) for text in _texts_of(path))


def _entries(language: str) -> dict[Text, polib.POEntry]:
    return {
        Text(entry.msgctxt, entry.msgid, entry.msgid_plural): entry
        for entry in polib.pofile(str(_catalogue(language, "po")))
        if not entry.obsolete
    }


def _translations(entry: polib.MOEntry | polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_sources_hold_translatable_texts() -> None:
    assert len(_texts()) > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_and_sources_hold_the_same_texts(language: str) -> None:
    entries = _entries(language)

    assert {
        "not in the catalogue": sorted(map(str, _texts() - entries.keys())),
        "in no source": sorted(map(str, entries.keys() - _texts())),
    } == {"not in the catalogue": [], "in no source": []}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_reviewed(language: str) -> None:
    unfinished = [
        entry.msgid
        for entry in polib.pofile(str(_catalogue(language, "po")))
        if entry.fuzzy or entry.obsolete or not all(_translations(entry))
    ]

    assert unfinished == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_placeholders(language: str) -> None:
    wrong = [
        f"{entry.msgid} -> {translation}"
        for entry in _entries(language).values()
        for translation in _translations(entry)
        # A plural may drop the number ("one order"), but it may not invent a placeholder.
        if not _agree(entry, translation)
    ]

    assert wrong == []


def _agree(entry: polib.POEntry, translation: str) -> bool:
    used = sorted(PLACEHOLDER.findall(translation))
    if not entry.msgid_plural:
        return used == sorted(PLACEHOLDER.findall(entry.msgid))
    return set(used) <= set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogue_is_up_to_date(language: str) -> None:
    assert _catalogue(language, "mo").exists(), "make messages"
    compiled = {
        (entry.msgctxt, entry.msgid, entry.msgid_plural or ""): _translations(entry)
        for entry in polib.mofile(str(_catalogue(language, "mo")))
    }

    assert compiled == {tuple(text): _translations(entry) for text, entry in _entries(language).items()}
