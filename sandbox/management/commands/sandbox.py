"""`manage.py sandbox`: run the local i'mport in its own process."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

PROJECT_ROOT = Path(__file__).resolve().parents[3]


class Command(BaseCommand):
    """Replace this process with the sandbox server, so that signals reach it directly."""

    help = "Run a local i'mport (PortOne V1) API for development. Refuses to run when DEBUG is off."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options for address, database and production."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8001, help="Port; 0 picks a free one.")
        parser.add_argument("--database", default=None, help="SQLite file (default: var/sandbox.sqlite3).")
        parser.add_argument("--allow-production", action="store_true", help="Run although DEBUG is off.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Refuse in production; otherwise execute `python -m sandbox`."""
        if not settings.DEBUG and not options["allow_production"]:
            raise CommandError(
                "The sandbox is for development and tests: DEBUG is off. Use --allow-production to run it anyway.",
                returncode=2,
            )
        command = [sys.executable, "-m", "sandbox", "--host", options["host"]]
        command += ["--port", str(options["port"])]
        if options["database"]:
            command += ["--database", str(Path(options["database"]).resolve())]
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "sandbox.settings"}
        self.stdout.flush()
        os.chdir(PROJECT_ROOT)
        os.execve(sys.executable, command, environment)  # noqa: S606 - our own module, no shell
