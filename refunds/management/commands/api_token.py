"""`manage.py api_token`: make an API token for a user."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from access.tokens import DEFAULT_DAYS, create_token


class Command(BaseCommand):
    help = "Make an API token for a user and print it: it is stored as a hash only, so keep it now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--days", type=int, default=DEFAULT_DAYS, help=f"how long it is valid (default: {DEFAULT_DAYS})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            message = _("There is no active user “%(name)s”.") % {"name": options["username"]}
            raise CommandError(message, returncode=2)
        if options["days"] < 1:
            raise CommandError(_("--days must be at least 1."), returncode=2)
        expires_at = timezone.now() + timedelta(days=options["days"])
        _token, text = create_token(user=user, name="manage.py api_token", expires_at=expires_at)
        self.stdout.write(text)
