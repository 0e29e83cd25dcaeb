"""What the refund commands share: who asks, which orders, and the one JSON document."""

import getpass
import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from refunds.inputs import Actor

DONE, SOME_FAILED, USAGE = 0, 1, 2


class RefundCommand(BaseCommand):
    """A command whose exit code is 0 all done, 1 some failed or open, 2 usage or configuration."""

    def usage_error(self, message: str, *, code: str, as_json: bool) -> CommandError:
        """The error to raise for wrong usage; with --json it is also the document."""
        if as_json:
            self.write_json({"ok": False, "code": code, "message": message, "results": []})
        return CommandError(message, returncode=USAGE)

    def ensure_configured(self, *, as_json: bool) -> None:
        """Stop before anything is asked if i'mport's key is missing."""
        if not (settings.IAMPORT_IMP_KEY and settings.IAMPORT_IMP_SECRET):
            message = _("Set IAMPORT_IMP_KEY and IAMPORT_IMP_SECRET (i'mport console, API keys) first.")
            raise self.usage_error(message, code="not_configured", as_json=as_json)

    def write_json(self, document: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def operator() -> Actor:
    """The person at the keyboard, as far as the operating system knows."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = "?"
    return Actor(name=f"manage.py ({name})")
