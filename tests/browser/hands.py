"""Two ways to use a page: with the mouse, and by keyboard alone."""

from typing import Protocol

from playwright.sync_api import Locator, Page

# The search boxes draw the focus around their icon too.
SHOWN = "(part) => [part, part.parentElement].some((box) => getComputedStyle(box).outlineStyle !== 'none')"
STOPS = 250  # a row of a list has six, and a page 25 rows


class Hand(Protocol):
    """Uses the parts of a page as a person does."""

    def press(self, target: Locator) -> None: ...
    def press_twice(self, target: Locator) -> None: ...
    def write(self, target: Locator, text: str) -> None: ...
    def choose(self, target: Locator, option: str) -> None: ...
    def tick(self, target: Locator) -> None: ...


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def press_twice(self, target: Locator) -> None:
        target.dblclick()

    def write(self, target: Locator, text: str) -> None:
        target.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, target: Locator, option: str) -> None:
        target.select_option(label=option)

    def tick(self, target: Locator) -> None:
        target.check()


class Keyboard:
    """Each part is reached with Tab, and shows that it has the focus."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        self._go_to(target)
        self.page.keyboard.press("Enter")

    def press_twice(self, target: Locator) -> None:
        self.press(target)
        self.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        self._go_to(target)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, target: Locator, option: str) -> None:
        self._go_to(target)
        self.page.keyboard.type(option)

    def tick(self, target: Locator) -> None:
        self._go_to(target)
        self.page.keyboard.press("Space")

    def _go_to(self, target: Locator) -> None:
        target.wait_for()
        for _stop in range(STOPS):
            if target.evaluate("(element) => element === document.activeElement"):
                assert target.evaluate(SHOWN)
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"not reached by Tab: {target}")
