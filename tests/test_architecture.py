"""Rules of the code layout that import-linter does not check."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PROJECT_DIR = Path(__file__).resolve().parent.parent
PACKAGES = ("access", "config", "core", "monitoring", "payments", "refunds", "sandbox", "webhooks")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40


@dataclass(frozen=True)
class Module:
    name: str
    tree: ast.Module
    lines: int

    @property
    def imports(self) -> frozenset[str]:
        return frozenset(_imported_names(self.tree))

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]


def _imported_names(tree: ast.AST) -> Iterator[str]:
    """Yield the imported names in full: `from payments import models` is `payments.models`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def _modules(*packages: str) -> tuple[Module, ...]:
    found = []
    for path in sorted(file for package in packages for file in (PROJECT_DIR / package).rglob("*.py")):
        if "migrations" in path.parts:
            continue
        parts = path.relative_to(PROJECT_DIR).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        source = path.read_text(encoding="utf-8")
        found.append(Module(name, ast.parse(source), len(source.splitlines())))
    return tuple(found)


def _is_within(name: str, parents: tuple[str, ...]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def _violations(package: str, forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{module.name} imports {name}"
        for module in _modules(package.partition(".")[0])
        if _is_within(module.name, (package,))
        for name in sorted(module.imports)
        if _is_within(name, forbidden)
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_source_imports_tests_benchmarks_or_scripts(package: str) -> None:
    assert _violations(package, ("tests", "benchmarks", "scripts", "pytest")) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_inside_a_function(package: str) -> None:
    found = [
        f"{module.name}:{inner.lineno}"
        for module in _modules(package)
        for function in _functions(module)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]

    assert found == []


def _functions(module: Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(module.tree) if isinstance(node, kinds)]


def test_settings_are_read_when_used_and_not_at_import() -> None:
    found = [
        f"{module.name}:{node.lineno} reads settings.{node.attr}"
        for module in _modules("access", "monitoring", "webhooks", "payments", "refunds")
        for node in _import_time_nodes(module.tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "settings"
        # Foreign keys to the user model name it in the class body; Django resolves it later.
        and node.attr != "AUTH_USER_MODEL"
    ]

    assert found == []


def _import_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _import_time_nodes(child)


@pytest.mark.parametrize("package", PACKAGES)
def test_files_and_functions_are_short(package: str) -> None:
    long_files = [
        f"{module.name}: {module.lines} lines" for module in _modules(package) if module.lines >= MAX_FILE_LINES
    ]
    long_functions = [
        f"{module.name}.{function.name}: {length} lines"
        for module in _modules(package)
        for function in _functions(module)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]

    assert long_files + long_functions == []
