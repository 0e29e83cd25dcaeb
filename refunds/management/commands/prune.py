"""`manage.py prune`: delete expired data. The worker does the same every night."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from core.commands import SOME_FAILED, JsonCommand
from core.retention import prune


class Command(JsonCommand):
    help = "Delete expired data, such as bank accounts. Exit code: 0 done, 1 some of it failed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *args: Any, **options: Any) -> None:
        pruned = dict(prune())
        ok = None not in pruned.values()
        if options["json"]:
            self.write_json({"ok": ok, "pruned": pruned})
        else:
            for name, count in pruned.items():
                failed = _("%(name)s: failed, see the log") % {"name": name}
                self.stdout.write(failed if count is None else f"{name}: {count}")
        if not ok:
            raise SystemExit(SOME_FAILED)
