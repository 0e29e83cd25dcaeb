"""The tests named in docs/security.md exist, so that every control is tested."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parent
DOCUMENT = TESTS.parent / "docs" / "security.md"
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", DOCUMENT.read_text(encoding="utf-8"))))


@cache
def functions(file: str) -> set[str]:
    if not (TESTS / file).exists():
        return set()
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_named_in_the_document_exists() -> None:
    assert len(NAMED) > 30
    assert [f"{file}::{test}" for file, test in NAMED if test not in functions(file)] == []


def test_every_threat_has_a_control_and_a_test() -> None:
    threats = DOCUMENT.read_text(encoding="utf-8").partition("## Threats")[2].partition("## What remains")[0]
    rows = [line for line in threats.splitlines() if line.startswith("| ") and not line.startswith("| threat")]
    assert len(rows) > 30
    assert [row for row in rows if row.count(" | ") != 2 or "::test_" not in row.rpartition(" | ")[2]] == []
