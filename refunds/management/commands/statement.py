"""`manage.py statement`: show the statement of a month, write it as CSV, or close the month."""

from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from core.commands import SOME_FAILED, JsonCommand
from core.dates import add_months
from core.errors import DomainError
from core.exports.csv import csv_pieces
from core.money import format_money
from refunds.management.base import operator
from refunds.statements.as_json import statement_json
from refunds.statements.closing import close_month
from refunds.statements.files import line_rows
from refunds.statements.months import begun_month, first_open_month, this_month
from refunds.statements.read import Statement, statement_of


def month_argument(text: str) -> date:
    """Read a month as an argparse `type`."""
    try:
        return begun_month(text)
    except ValueError as exc:
        message = _("“%(text)s” is not a month up to this one. Write it like 2026-11.") % {"text": text[:20]}
        raise ArgumentTypeError(message) from exc


class Command(JsonCommand):
    help = (
        "Show what was paid, refunded and reversed in a month (Asia/Seoul); by default the first one that is not "
        "closed. Exit code: 0 done, 1 not closed, 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("month", nargs="?", type=month_argument, metavar="YYYY-MM", help="The month.")
        parser.add_argument("--close", action="store_true", help="Close it, and every earlier month that is open.")
        parser.add_argument("--anyway", action="store_true", help="With --close: also if i'mport does not agree.")
        parser.add_argument("--note", default="", metavar="TEXT", help="With --close: a note, kept with the month.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")
        parser.add_argument("--csv", metavar="FILE", help="Write the lines to FILE (- for stdout).")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["anyway"] or options["note"]) and not options["close"]:
            message = _("--anyway and --note require --close.")
            raise self.usage_error(message, code="invalid_options", as_json=options["json"])
        if options["json"] and options["csv"] == "-":
            message = _("--json and --csv - both write to standard output.")
            raise self.usage_error(message, code="invalid_options", as_json=True)
        month = options["month"] or first_open_month() or this_month()
        error = self._close(month, options) if options["close"] else None
        statement = statement_of(month)
        if options["csv"]:
            self._write_csv(statement, options["csv"])
        if options["json"]:
            failure = {"code": error.code, "message": error.message} if error else {}
            self.write_json({"ok": error is None, **failure, **statement_json(statement)})
        elif options["csv"] != "-":
            self._write_statement(statement)
        if error:
            self.stderr.write(error.message)
            raise SystemExit(SOME_FAILED)

    def _close(self, month: date, options: dict[str, Any]) -> DomainError | None:
        """Close the months up to this one in order; return why one was not closed."""
        following = first_open_month() or month
        try:
            while True:
                closing = min(following, month)
                close_month(month=closing, actor=operator(), note=options["note"], despite_difference=options["anyway"])
                if not options["json"] and options["csv"] != "-":
                    self.stdout.write(_("%(month)s is closed.") % {"month": f"{closing:%Y-%m}"})
                if closing == month:
                    return None
                following = add_months(closing, 1)
        except DomainError as exc:
            return exc

    def _write_csv(self, statement: Statement, name: str) -> None:
        text = b"".join(csv_pieces(line_rows(statement)))
        if name == "-":
            self.stdout.write(text.decode("utf-8-sig"), ending="")
            return
        try:
            Path(name).write_bytes(text)
        except OSError as exc:
            message = _("%(file)s could not be written: %(error)s") % {"file": name, "error": exc.strerror}
            raise self.usage_error(message, code="file_not_written", as_json=False) from exc

    def _write_statement(self, statement: Statement) -> None:
        self.stdout.write(f"{statement.month:%Y-%m}: {statement.state}")
        for total in statement.totals:
            money = {
                "paid": format_money(total.paid.sums.amount, total.currency),
                "refunded": format_money(total.refunded.sums.amount, total.currency),
                "reversed": format_money(total.reversed.sums.amount, total.currency),
                "net": format_money(total.net, total.currency),
            }
            self.stdout.write(
                _("%(currency)s: paid %(paid)s, refunded %(refunded)s, reversed %(reversed)s, net %(net)s")
                % {"currency": total.currency, **money}
            )
        if not statement.lines:
            self.stdout.write(_("Nothing was paid or refunded."))
        if not statement.comparison.agrees:
            self.stdout.write(_("It does not agree with i'mport, or was not compared with it."))
