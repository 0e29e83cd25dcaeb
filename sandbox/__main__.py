"""`python -m sandbox`: prepare the sandbox's own database, then serve until a signal stops it."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

import django

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Build the parser of the server process's command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001, help="Port; 0 picks a free one.")
    parser.add_argument("--database", default=None, help="SQLite file (default: var/sandbox.sqlite3).")
    return parser.parse_args(arguments)


def prepare_environment(options: argparse.Namespace) -> None:
    """Set the environment that the settings read; call it before Django starts."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"
    if options.database:
        os.environ["SANDBOX_DATABASE"] = str(Path(options.database).resolve())
    if options.host not in LOOPBACK_HOSTS:
        os.environ.setdefault("SANDBOX_ALLOWED_HOSTS", "*")


def main() -> int:
    """Run the server. A busy port or an unusable database gives one line, not a traceback."""
    options = parse_arguments(sys.argv[1:])
    prepare_environment(options)
    django.setup()
    runner = import_module("sandbox.runner")  # imports models, which need Django set up
    try:
        runner.prepare_database()
        runner.serve(options.host, options.port)
    except runner.DatabaseUnusable as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    except OSError as exc:
        sys.stderr.write(f"Cannot serve on {options.host}:{options.port}: {exc}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
