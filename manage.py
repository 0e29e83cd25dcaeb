#!/usr/bin/env python
"""Run Django's command line.

A configuration error, or a database that cannot be used, prints one line to stderr and exits with code 2.
"""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, ManagementUtility
from django.db import Error as DatabaseError
from django.utils import translation

from core.database.outage import describe_outage, is_outage
from core.request_ids import new_request_id
from core.streams import drop_unwritten, open_streams


class EnglishCommands(ManagementUtility):
    """Django's command line, in English: --help always is, and LANGUAGE_CODE is for pages."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        translation.activate("en")
        return super().fetch_command(subcommand)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    open_streams()
    try:
        # The first access loads the settings. Only errors here are shortened; later ones keep their traceback.
        _ = settings.DEBUG
    except ImproperlyConfigured as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    try:
        with new_request_id():
            EnglishCommands(sys.argv).execute()
    except DatabaseError as exc:  # of Django's own commands, such as migrate
        if not is_outage(exc):
            raise
        sys.stderr.write(f"{describe_outage(exc)}\n")
        return 2
    finally:
        drop_unwritten()
    return 0


if __name__ == "__main__":
    sys.exit(main())
