"""The admin's icon font holds every icon that the templates, styles and code name."""

from fontTools.ttLib import TTFont

from scripts.icon_font import FONT, icon_names, ligatures


def test_every_icon_is_in_the_font() -> None:
    missing = icon_names() - ligatures(TTFont(FONT)).keys()

    assert missing == set(), "run `python -m scripts.icon_font`"
