"""The catalogues contain every text of the sources, translated, and no others; one more translates the theme."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import django
import polib
import pytest
import unfold
from babel.messages.extract import extract
from django.utils.translation.template import templatize

PROJECT_DIR = Path(__file__).resolve().parent.parent
PACKAGES = ("access", "config", "core", "monitoring", "payments", "refunds", "webhooks")
OWN = ("locale/ko", "locale/en")
THEME = "config/locale/ko"
CATALOGUES = (*OWN, THEME)
THEME_DIR = Path(unfold.__file__).parent
THEME_PARTS = ("*.py", "mixins/*.py", "templatetags/*.py", "contrib/filters/**/*.py", "contrib/filters/**/*.html")
THEME_TEMPLATES = tuple(f"templates/{folder}/**/*.html" for folder in ("admin", "auth", "registration", "unfold"))
DJANGO_PARTS = ("conf", "contrib/admin", "contrib/auth")
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


def _catalogue(folder: str, suffix: str) -> Path:
    return PROJECT_DIR / folder / "LC_MESSAGES" / f"django.{suffix}"


def _python_source(path: Path) -> str:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return source
    # templatize() turns a template into gettext calls whose indentation is not valid Python.
    return "\n".join(line.strip() for line in templatize(source, origin=str(path)).splitlines())


def _texts_of(path: Path) -> Iterator[Text]:
    if path.suffix == ".py":
        yield from _texts_in_f_strings(ast.parse(path.read_text(encoding="utf-8")))
    source = BytesIO(_python_source(path).encode())
    for _line, messages, _comments, context in extract("python", source, KEYWORDS, options={"encoding": "utf-8"}):
        singular, plural = messages if isinstance(messages, tuple) else (messages, "")
        if singular:
            yield Text(context, singular, plural)


def _calls_gettext(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS


def _texts_in_f_strings(tree: ast.Module) -> Iterator[Text]:
    """Yield the texts in f-strings, which xgettext misses before Python 3.12; the theme has some, our code none."""
    for string in ast.walk(tree):
        for node in ast.walk(string) if isinstance(string, ast.JoinedStr) else ():
            if _calls_gettext(node):
                yield Text(None, ast.literal_eval(node.args[0]), "")


def _python_files() -> list[Path]:
    return [path for package in PACKAGES for path in (PROJECT_DIR / package).rglob("*.py")]


@cache
def _texts() -> frozenset[Text]:
    folders = [PROJECT_DIR / "templates", *(PROJECT_DIR / package / "templates" for package in PACKAGES)]
    templates = [path for folder in folders for pattern in ("*.html", "*.txt") for path in folder.rglob(pattern)]
    return frozenset(text for path in (*_python_files(), *templates) for text in _texts_of(path))


@cache
def _theme_texts() -> frozenset[Text]:
    sources = [path for part in (*THEME_PARTS, *THEME_TEMPLATES) for path in THEME_DIR.glob(part)]
    return frozenset(text for path in sources for text in _texts_of(path))


@cache
def _django_texts() -> frozenset[Text]:
    """Return the texts that Django translates into Korean itself."""
    folders = [Path(django.__file__).parent / part / "locale" / "ko" / "LC_MESSAGES" for part in DJANGO_PARTS]
    entries = [entry for folder in folders for entry in polib.mofile(str(folder / "django.mo"))]
    return frozenset(Text(entry.msgctxt, entry.msgid, entry.msgid_plural or "") for entry in entries)


def _entries(folder: str) -> dict[Text, polib.POEntry]:
    return {
        Text(entry.msgctxt, entry.msgid, entry.msgid_plural): entry
        for entry in polib.pofile(str(_catalogue(folder, "po")))
        if not entry.obsolete
    }


def _translations(entry: polib.MOEntry | polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_sources_hold_translatable_texts() -> None:
    assert len(_texts()) > 20


def test_no_text_is_translated_inside_an_f_string() -> None:
    """Check this because not every Python version extracts them."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in _python_files()}
    hidden = [
        f"{path.relative_to(PROJECT_DIR)}:{node.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) and any(map(_calls_gettext, ast.walk(node)))
    ]

    assert hidden == []


@pytest.mark.parametrize("folder", OWN)
def test_catalogue_and_sources_hold_the_same_texts(folder: str) -> None:
    entries = _entries(folder)

    assert {
        "not in the catalogue": sorted(map(str, _texts() - entries.keys())),
        "in no source": sorted(map(str, entries.keys() - _texts())),
    } == {"not in the catalogue": [], "in no source": []}


def test_theme_texts_are_translated_unless_django_does() -> None:
    # A text of Django's is used by the theme with and without a plural.
    korean = {text[:2] for text in _django_texts()}

    assert sorted(str(text) for text in _theme_texts() - _entries(THEME).keys() if text[:2] not in korean) == []


def test_theme_catalogue_holds_only_texts_of_the_theme_and_django() -> None:
    assert sorted(map(str, _entries(THEME).keys() - _theme_texts() - _django_texts())) == []


@pytest.mark.parametrize("folder", CATALOGUES)
def test_every_text_is_translated_and_reviewed(folder: str) -> None:
    unfinished = [
        entry.msgid
        for entry in polib.pofile(str(_catalogue(folder, "po")))
        if entry.fuzzy or entry.obsolete or not all(_translations(entry))
    ]

    assert unfinished == []


@pytest.mark.parametrize("folder", CATALOGUES)
def test_translations_keep_the_placeholders(folder: str) -> None:
    wrong = [
        f"{entry.msgid} -> {translation}"
        for entry in _entries(folder).values()
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


@pytest.mark.parametrize("folder", CATALOGUES)
def test_compiled_catalogue_is_up_to_date(folder: str) -> None:
    assert _catalogue(folder, "mo").exists(), "make messages"
    compiled = {
        (entry.msgctxt, entry.msgid, entry.msgid_plural or ""): _translations(entry)
        for entry in polib.mofile(str(_catalogue(folder, "mo")))
    }

    assert compiled == {tuple(text): _translations(entry) for text, entry in _entries(folder).items()}
