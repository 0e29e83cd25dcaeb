"""Hold what a section measures, and show it in the terminal and as Markdown."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isinf
from typing import Self

HEADINGS = ("what", "ours", "against", "theirs", "ratio", "target", "met")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Repeated measurements of one thing: the median, with the 10th and the 90th percentile."""

    median: float
    low: float
    high: float
    unit: str
    n: int = 1

    @classmethod
    def of(cls, values: Iterable[float], unit: str) -> Self:
        found = sorted(values)
        if not found:
            raise ValueError("nothing was measured")
        return cls(
            median=statistics.median(found),
            low=percentile(found, 10),
            high=percentile(found, 90),
            unit=unit,
            n=len(found),
        )

    @classmethod
    def once(cls, value: float, unit: str) -> Self:
        """Return a value without a spread, such as a count."""
        return cls(median=value, low=value, high=value, unit=unit)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.n == 1:
            return f"{number(self.median)}{unit}"
        return f"{number(self.median)}{unit} ({number(self.low)}-{number(self.high)})"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. `met` is None where there is no target."""

    section: str
    what: str
    ours: Measured | str
    against: str = ""
    theirs: Measured | str | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        return (
            self.what,
            str(self.ours),
            self.against,
            "" if self.theirs is None else str(self.theirs),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            self.target,
            {True: "yes", False: "**no**", None: ""}[self.met],
        )


@dataclass(frozen=True)
class Section:
    """A section's title and introduction (its module's docstring), and its rows."""

    letter: str
    title: str
    text: str
    rows: Sequence[Row]


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the percentile of sorted values, interpolated between the two nearest."""
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def number(value: float) -> str:
    """Write a number with three significant digits, and whole numbers in full."""
    if isinf(value):
        return "inf"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1g}"


def plain(section: Section) -> str:
    """Return the section for a terminal: aligned columns, notes below."""
    lines = [HEADINGS, *(tuple(cell.replace("**", "") for cell in row.cells()) for row in section.rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEADINGS))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([f"{section.letter}. {section.title}", *table, *(f"  {note}" for note in _notes(section))])


def markdown(section: Section) -> str:
    """Return the section as Markdown: its text, one table, notes below."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(row.cells() for row in section.rows)]
    table = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
    notes = "\n".join(f"- {note}" for note in _notes(section))
    parts = [f"## {section.letter}. {section.title}", section.text, table, notes]
    return "\n\n".join(part for part in parts if part)


def _notes(section: Section) -> list[str]:
    """Return each note once, after what it is about."""
    about: dict[str, dict[str, None]] = {}  # in the order of the rows
    for row in section.rows:
        if row.note:
            about.setdefault(row.note, {})[row.what] = None
    return [f"{'; '.join(rows)}: {note}" for note, rows in about.items()]
