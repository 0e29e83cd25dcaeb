"""Write the admin's icon font: the theme's, with the icons that are used only (7 KB instead of 285).

Run it after a new icon or a new version of the theme: `pip install brotli` (for the theme's file), then
`python -m scripts.icon_font`. `tests/test_icon_font.py` fails when an icon is missing.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import unfold
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from config.unfold import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
THEME = Path(unfold.__file__).parent
WHOLE = THEME / "static/unfold/fonts/material-symbols/Material-Symbols-Outlined.woff2"
FONT = ROOT / "refunds/static/refunds/admin/icons.woff"
PACKAGES = ("access", "core", "payments", "refunds", "webhooks")
ELEMENT = re.compile(r"material-symbols-outlined[^>]*>(.*?)</", re.DOTALL)
TAG = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
NAME = re.compile(r"[a-z0-9_]+")
ARGUMENT = re.compile(r"\bicon=[\"']([a-z0-9_]+)[\"']")  # in code and in templates
IN_STYLES = re.compile(r'content:\s*"([a-z0-9_]{3,})"')


def icon_names() -> set[str]:
    """Return the names of the icons in the templates, the styles and the code, ours and the theme's."""
    templates = [*(ROOT / "templates").rglob("*.html"), *(THEME / "templates").rglob("*.html")]
    code = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    styles = [THEME / "static/unfold/css/styles.css", *(ROOT / "refunds/static").rglob("*.css")]
    found = _found(ARGUMENT, [*templates, *code]) | _found(IN_STYLES, styles)
    for content in _found(ELEMENT, templates):
        found.update(filter(NAME.fullmatch, TAG.sub(" ", content).split()))
    menu = [item["icon"] for group in SETTINGS["SIDEBAR"]["navigation"] for item in group["items"]]
    return found | {SETTINGS["SITE_SYMBOL"], *menu}


def _found(pattern: re.Pattern[str], files: Iterable[Path]) -> set[str]:
    return {match[1] for path in files for match in pattern.finditer(path.read_text("utf-8"))}


def ligatures(font: TTFont) -> dict[str, str]:
    """Return the name of each icon in this font, with the name of its glyph."""
    letters = {glyph: chr(code) for code, glyph in font.getBestCmap().items()}
    tables = [table for lookup in font["GSUB"].table.LookupList.Lookup for table in lookup.SubTable]
    return {
        letters[first] + "".join(letters[each] for each in ligature.Component): ligature.LigGlyph
        for table in tables
        for first, found in table.ligatures.items()
        for ligature in found
    }


def main() -> None:
    font = TTFont(WHOLE)
    known = ligatures(font)
    names = icon_names()
    assert names <= known.keys(), f"no icons of the theme: {names - known.keys()}"
    subsetter = Subsetter(Options(layout_features=["*"], layout_closure=False, flavor="woff"))
    subsetter.populate(text="".join(names), glyphs=[known[name] for name in names])
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(FONT)
    print(f"{len(names)} icons, {FONT.stat().st_size:,} bytes: {' '.join(sorted(names))}")


if __name__ == "__main__":
    main()
