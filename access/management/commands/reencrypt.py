"""`manage.py reencrypt`: the second step of changing ENCRYPTION_KEYS."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from core.commands import SOME_FAILED, JsonCommand
from core.encryption.reencrypt import Reencrypted, reencrypt_all

SHOWN = 20


class Command(JsonCommand):
    help = (
        "Re-encrypt all personal data and secrets with the first of ENCRYPTION_KEYS. Safe to interrupt and repeat. "
        "Exit code: 0 done, 1 no key can decrypt some of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *args: Any, **options: Any) -> None:
        columns = []
        for column in reencrypt_all():
            columns.append(column)
            if not options["json"]:
                self._write(column)
        ok = not any(column.unreadable for column in columns)
        if options["json"]:
            self.write_json({"ok": ok, "columns": [asdict(column) for column in columns]})
        elif ok:
            self.stdout.write(_("Everything is encrypted with the first key. The other keys can be removed."))
        if not ok:
            raise SystemExit(SOME_FAILED)

    def _write(self, column: Reencrypted) -> None:
        figures = {"column": column.column, "reencrypted": column.reencrypted, "current": column.current}
        self.stdout.write(_("%(column)s: %(reencrypted)d re-encrypted, %(current)d already current.") % figures)
        if column.unreadable:
            ids = ", ".join(map(str, column.unreadable[:SHOWN])) + (", …" if len(column.unreadable) > SHOWN else "")
            text = _(
                "%(column)s: no key can decrypt %(count)d rows (ids %(ids)s). Restore the key that encrypted them."
            )
            self.stderr.write(text % {"column": column.column, "count": len(column.unreadable), "ids": ids})
