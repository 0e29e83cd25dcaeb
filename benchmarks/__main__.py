"""Measure, print the tables, and write benchmarks/results.md.

python -m benchmarks            every section
python -m benchmarks a c        some of them; the file keeps the others
python -m benchmarks --quick c  few samples of little data, to try it; writes no file
"""

import argparse
import importlib
import importlib.util
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.machine import describe, occasion
from benchmarks.table import Row, Section, markdown, plain
from benchmarks.world import Options

MODULES = {
    "a": "one_refund",
    "b": "web",
    "c": "cost",
    "d": "scale",
    "e": "intake",
    "f": "bulk",
    "g": "processes",
    "h": "large_batch",
}
RESULTS = Path(__file__).with_name("results.md")
INTRODUCTION = """\
# Benchmark results

`make bench` measured this and wrote this file. Both sides of a row ran in turn in one run on one machine. Times are
medians with the 10th to 90th percentile; a ratio is ours divided by theirs. Each section says when it was measured."""


def main() -> int:
    """Run the sections. A missed target is shown, and is no error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    there = [letter for letter, name in MODULES.items() if importlib.util.find_spec(f"benchmarks.{name}")]
    parser.add_argument("sections", nargs="*", help=f"The sections to run: {' '.join(there)} (default: all).")
    parser.add_argument("--quick", action="store_true", help="Take few samples of little data, to try it.")
    parser.add_argument("--out", type=Path, help="The file to write (default: benchmarks/results.md; --quick: none).")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(there):
        parser.error(f"unknown sections: {' '.join(sorted(unknown))}; there are {' '.join(there)}")
    sections = [_measured(letter, Options(quick=options.quick)) for letter in options.sections or there]
    print("", *(plain(section) for section in sections), sep="\n\n")
    missed = [row for section in sections for row in section.rows if row.met is False]
    print(f"\n{len(missed)} targets missed.")
    if out := options.out or (None if options.quick else RESULTS):
        out.write_text(_document(sections, out.read_text("utf-8") if out.exists() else ""), encoding="utf-8")
        print(f"Written to {out}")
    return 0


def _measured(letter: str, options: Options) -> Section:
    module = importlib.import_module(f"benchmarks.{MODULES[letter]}")
    title, _, text = (module.__doc__ or "").strip().partition("\n")
    print(f"{letter}. {title}", flush=True)
    started = time.monotonic()
    rows: list[Row] = []
    for row in module.measure(options):
        print("  " + "  ".join(filter(None, row.cells())), flush=True)
        rows.append(row)
    text = f"{text.strip()}\n\n{occasion(time.monotonic() - started)}"
    return Section(letter, title.rstrip("."), text, rows)


def _document(sections: Iterable[Section], old: str) -> str:
    """Return the document with these sections, and with the others of the `old` one."""
    parts = {part[0]: f"## {part.strip()}" for part in re.split(r"^## (?=[a-z]\. )", old, flags=re.MULTILINE)[1:]}
    parts |= {section.letter: markdown(section) for section in sections}
    facts = "\n".join(f"- {name}: {value}" for name, value in describe().items())
    return "\n\n".join([INTRODUCTION, facts, *(parts[letter] for letter in sorted(parts))]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
