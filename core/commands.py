"""The base of management commands: exit codes, and one JSON document."""

import json
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from rest_framework.utils.encoders import JSONEncoder

from core.database.outage import describe_outage, ensure_writable, is_outage

DONE, SOME_FAILED, USAGE = 0, 1, 2


class _Encoder(JSONEncoder):
    """Write values as the REST API does, and a decimal as its exact text."""

    def default(self, obj: Any) -> Any:
        return str(obj) if isinstance(obj, Decimal) else super().default(obj)


class JsonCommand(BaseCommand):
    """A command with the exit codes 0 all done, 1 some failed or open, 2 usage or configuration.

    A database that is down or read-only is configuration: one line, and nothing is begun.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command, unless the database cannot be used."""
        try:
            ensure_writable()
            return super().execute(*args, **options)
        except DatabaseError as exc:
            if not is_outage(exc):
                raise
            as_json = options.get("json", False)
            raise self.usage_error(describe_outage(exc), code="database_unavailable", as_json=as_json) from exc

    def usage_error(self, message: str, *, code: str, as_json: bool) -> CommandError:
        """Return the error to raise for wrong usage; with --json, also write it as the document."""
        if as_json:
            self.write_json({"ok": False, "code": code, "message": message, "results": []})
        return CommandError(message, returncode=USAGE)

    def write_json(self, document: dict[str, Any]) -> None:
        """Write the document in the form of the REST API, times included."""
        self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, cls=_Encoder))
