"""Base of the refund commands: checks the configuration and names the actor."""

import getpass

from django.conf import settings
from django.utils.translation import gettext as _

from core.commands import JsonCommand
from refunds.inputs import Actor


class RefundCommand(JsonCommand):
    """A command that calls i'mport."""

    def ensure_configured(self, *, as_json: bool) -> None:
        """Raise a usage error unless i'mport's key and secret are set."""
        if not (settings.IAMPORT_IMP_KEY and settings.IAMPORT_IMP_SECRET):
            message = _("Set IAMPORT_IMP_KEY and IAMPORT_IMP_SECRET (i'mport console, API keys) first.")
            raise self.usage_error(message, code="not_configured", as_json=as_json)


def operator() -> Actor:
    """Return the operating system's user as the actor."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = "?"
    return Actor(name=f"manage.py ({name})")
