"""Pictures of pages for README.md and docs/: the tests write them with WRITE_IMAGES=1 (`make images`)."""

import os
from pathlib import Path

from playwright.sync_api import Page

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"


def keep_image(page: Page, name: str, *, width: int = 1440, height: int = 900) -> None:
    """Write what a window of this size shows to docs/images, if WRITE_IMAGES is set."""
    if not os.environ.get("WRITE_IMAGES"):
        return
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
    if before:
        page.set_viewport_size(before)
