"""`manage.py two_factor_reset USER`: let a user who lost phone and backup codes sign in again."""

import logging
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from access.lockout.service import forget_failures
from access.two_factor.service import turn_off
from core.commands import USAGE, JsonCommand

logger = logging.getLogger(__name__)


class Command(JsonCommand):
    help = (
        "Turn off two-factor sign-in of a user and delete their failed sign-ins, so that they can sign in with the "
        "password alone. Exit code: 0 done (or nothing to do), 2 no such user."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USER", help="Username.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["username"]
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(_("No account is named %(name)s.") % {"name": name}, returncode=USAGE)
        was_on = turn_off(user)
        forget_failures(user)
        logger.warning("two-factor sign-in of account %s was reset by a command", user.pk)
        done = _("Two-factor sign-in is reset for %(name)s. Ask them to set it up again.")
        self.stdout.write((done if was_on else _("%(name)s does not use two-factor sign-in.")) % {"name": name})
