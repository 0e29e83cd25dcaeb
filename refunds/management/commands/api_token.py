"""`manage.py api_token`: make an API token for a user."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from knox.models import AuthToken
from knox.settings import knox_settings


class Command(BaseCommand):
    help = "Make an API token for a user and print it: it is stored as a hash only, so keep it now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        default = knox_settings.TOKEN_TTL.days
        parser.add_argument("--days", type=int, default=default, help=f"how long it is valid (default: {default})")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            message = _("There is no active user “%(name)s”.") % {"name": options["username"]}
            raise CommandError(message, returncode=2)
        if options["days"] < 1:
            raise CommandError(_("--days must be at least 1."), returncode=2)
        _instance, token = AuthToken.objects.create(user, expiry=timedelta(days=options["days"]))
        self.stdout.write(token)
