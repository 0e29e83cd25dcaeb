"""The settings as a whole, in child processes: which configurations start, and the errors of the others."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

PROJECT_DIR = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "SECRET_KEY": "only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "refunds.example",
    "DATABASE_URL": "sqlite://:memory:",
}


def _manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check` with only this environment and the variables that Python needs."""
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=PROJECT_DIR,
        env={"PATH": os.environ["PATH"], "DJANGO_READ_DOTENV": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set: "),
        ({"DEBUG": "ture"}, "DEBUG=ture is malformed: "),
        ({"DATABASE_URL": "mysql://localhost/shop"}, "DATABASE_URL has an unknown scheme: "),
    ],
)
def test_wrong_configuration_is_one_line_and_exit_code_2(changes: dict[str, str], message: str) -> None:
    done = _manage({**PRODUCTION, **changes})

    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_deployment_check_reports_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    done = _manage({**PRODUCTION, "STATIC_DIR": str(tmp_path)}, "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert re.findall(r"\((\w+\.[A-Z]\d+)\)", said) == ["monitoring.E001", "access.I001"], said
    assert "CACHE_URL is not set" in said


def test_example_environment_starts() -> None:
    example = {name: value or "" for name, value in dotenv_values(PROJECT_DIR / ".env.example").items()}

    done = _manage(example)

    assert done.returncode == 0, done.stderr


def test_example_lists_exactly_the_variables_that_settings_and_the_web_server_read() -> None:
    trees = [
        ast.parse((PROJECT_DIR / path).read_text(encoding="utf-8"))
        for path in ("config/settings.py", "gunicorn.conf.py")
    ]
    read = {
        node.args[0].value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and isinstance(node.args[0], ast.Constant)
    }

    assert read == set(dotenv_values(PROJECT_DIR / ".env.example"))


def test_wsgi_stops_its_server_with_the_same_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"],
        cwd=PROJECT_DIR,
        env={"PATH": os.environ["PATH"], "DJANGO_READ_DOTENV": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert done.stderr.startswith("SECRET_KEY is not set: ")
    assert done.stderr.count("\n") == 1


def test_a_web_server_without_collected_files_says_so_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"],
        cwd=PROJECT_DIR,
        env={"PATH": os.environ["PATH"], "DJANGO_READ_DOTENV": "0", "STATIC_DIR": str(tmp_path), **PRODUCTION},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "Run manage.py collectstatic" in done.stderr
    assert done.stderr.count("\n") == 1
