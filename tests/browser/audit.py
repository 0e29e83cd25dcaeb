"""Look at a page like people who see little, use no mouse, or have a small screen: with axe-core, and by its widths."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from fontTools.ttLib import TTFont
from playwright.sync_api import Page

from scripts.icon_font import FONT, ligatures

WIDE = {"width": 1280, "height": 800}
ZOOMED = {"width": 640, "height": 400}  # WIDE at 200 %
PHONE = {"width": 390, "height": 844}
# The page, and its scrollable part with the list.
TOO_WIDE = """() => [document.scrollingElement, ...document.querySelectorAll('.simplebar-content-wrapper, .rd-scroll')]
    .filter(part => part.scrollWidth > part.clientWidth + 1)
    .map(part => `${part.className || 'page'}: ${part.scrollWidth} > ${part.clientWidth}`)"""
# The page alone, with its last element that sticks out.
PAGE_TOO_WIDE = """() => {
    const { scrollWidth, clientWidth } = document.scrollingElement;
    if (scrollWidth <= clientWidth + 1) return [];
    const sticksOut = (element) => element.getBoundingClientRect().right > clientWidth + 1;
    const last = [...document.body.querySelectorAll('*')].filter(sticksOut).pop();
    return [`${scrollWidth} > ${clientWidth}: ${last?.outerHTML.slice(0, 80)}`];
}"""
SET_COLOURS = """(dark) => {
    document.documentElement.classList.toggle('dark', dark);
    document.getAnimations().forEach((animation) => animation.finish());
}"""
ICONS = "() => [...document.querySelectorAll('.material-symbols-outlined')].map((icon) => icon.textContent.trim())"
HEADINGS = "() => document.querySelectorAll('h1').length"
SERIOUS = {"serious", "critical"}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {
    "resultTypes": ["violations"],  # the others take most of the time
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"target-size": {"enabled": True}},  # WCAG 2.2's; axe leaves it out by default
}
# The rules that depend on colours.
IN_DARK = OPTIONS | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}, "rules": {}}


class Audit:
    """Collects what is wrong with the pages that it looks at, by rule."""

    def __init__(self, page: Page, *, only_widths: bool = False) -> None:
        self.page = page
        self.only_widths = only_widths
        self.found: dict[str, set[str]] = defaultdict(set)
        self._axe = Axe()
        self._icons = ligatures(TTFont(FONT)).keys()

    def look(self, name: str) -> None:
        """Look at the page that is open, in both colours and three sizes."""
        self._widths(name, WIDE, TOO_WIDE)
        if not self.only_widths:
            self._parts(name)
        self._widths(name, PHONE, PAGE_TOO_WIDE)
        self._widths(name, ZOOMED, PAGE_TOO_WIDE)
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]

    def _parts(self, name: str) -> None:
        if self.page.evaluate(HEADINGS) != 1:
            self.found["one h1"].add(name)
        if missing := {icon for icon in self.page.evaluate(ICONS) if icon} - self._icons:
            self.found[f"icons {missing}"].add(name)
        self.page.evaluate(SET_COLOURS, False)  # and no dialog that is half there
        self._note(name, self._axe.run(self.page, options=OPTIONS).response)
        self._dark(name)

    def _widths(self, name: str, size: dict[str, int], question: str) -> None:
        self.page.set_viewport_size(size)  # type: ignore[arg-type]
        for part in self.page.evaluate(question):
            self.found[f"at {size['width']}: {part}"].add(name)

    def _dark(self, name: str) -> None:
        self.page.emulate_media(color_scheme="dark")
        self.page.evaluate(SET_COLOURS, True)
        self._note(f"dark {name}", self.page.evaluate("(options) => axe.run(options)", IN_DARK))
        self.page.evaluate(SET_COLOURS, False)
        self.page.emulate_media(color_scheme="light")

    def _note(self, name: str, answer: dict[str, Any]) -> None:
        for violation in answer["violations"]:
            for node in violation["nodes"]:
                place = " ".join(map(str, node["target"]))
                if violation["impact"] in SERIOUS:
                    self.found[f"{violation['id']}: {place} {node['failureSummary']}"].add(name)
