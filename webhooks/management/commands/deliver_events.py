"""`manage.py deliver_events`: send due webhook events where no worker runs."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.commands import SOME_FAILED, JsonCommand
from webhooks.delivery.service import deliver_due
from webhooks.models import Delivery
from webhooks.retention import drop_old_events


class Command(JsonCommand):
    help = (
        "Send webhook events that are due. For cron where no worker runs. "
        "Exit code: 0 all accepted, 1 some were not accepted and will be retried."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--prune", action="store_true", help="Also delete events older than WEBHOOK_KEEP_DAYS.")

    def handle(self, *args: Any, **options: Any) -> None:
        sent = deliver_due()
        figures = {"delivered": sent.delivered, "failed": sent.failed}
        self.stdout.write(_("%(delivered)d delivered, %(failed)d failed.") % figures)
        if held := Delivery.objects.held(timezone.now()).count():
            text = ngettext(
                "%(count)d waits for an endpoint that is paused because it kept failing.",
                "%(count)d wait for endpoints that are paused because they kept failing.",
                held,
            )
            self.stdout.write(text % {"count": held})
        if options["prune"]:
            self.stdout.write(_("%(dropped)d old events deleted.") % {"dropped": drop_old_events(timezone.now())})
        if sent.failed:
            raise SystemExit(SOME_FAILED)
