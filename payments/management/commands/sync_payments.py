"""`manage.py sync_payments`: mirror payments from i'mport."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from tqdm import tqdm

from core.commands import SOME_FAILED, USAGE, JsonCommand
from core.dates import date_argument, parse_moment
from payments.gateway import GatewayAuthFailed, GatewayError
from payments.intake.sync import SyncProgress, sync_by_date, sync_by_id

DEFAULT_DAYS = 90


class Command(JsonCommand):
    help = (
        "Copy payments from i'mport, by imp_uid or by date (default: the last 90 days). "
        "Safe to interrupt and repeat. "
        "Exit code: 0 done, 1 some payments are missing, unreachable or could not be stored, 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("imp_uid", nargs="*", metavar="IMP_UID", help="Payments to copy.")
        parser.add_argument("--from", dest="start", type=date_argument, metavar="DATE", help="First day (Asia/Seoul).")
        parser.add_argument("--to", dest="end", type=date_argument, metavar="DATE", help="Last day (default: today).")
        parser.add_argument(
            "--status",
            default="all",
            choices=["all", "ready", "paid", "cancelled", "failed"],
            help="Status at i'mport (default: all).",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *args: Any, **options: Any) -> None:
        steps, resume = self._plan(options)
        totals = {"read": 0, "created": 0, "updated": 0}
        missing: list[str] = []
        unbookable: list[str] = []
        error = ""
        try:
            with tqdm(unit=" payments", disable=None, file=self.stderr) as bar:
                for step in steps:
                    for name in totals:
                        totals[name] += getattr(step, name)
                    missing += step.missing
                    unbookable += step.unbookable
                    if step.upto is not None:
                        resume = f"--from {timezone.localtime(step.upto):%Y-%m-%d}"
                        bar.set_postfix_str(str(step.upto.date()))
                    bar.update(step.read)
        except GatewayAuthFailed as exc:
            raise CommandError(exc.message, returncode=USAGE) from exc
        except GatewayError as exc:
            error = exc.message
        except KeyboardInterrupt:
            error = _("Interrupted.")
        report = {**totals, "missing": missing, "unbookable": unbookable, "error": error}
        self._print({**report, "resume": resume if error else ""}, as_json=options["json"])
        if missing or unbookable or error:
            raise SystemExit(SOME_FAILED)

    def _plan(self, options: dict[str, Any]) -> tuple[Iterator[SyncProgress], str]:
        """Return the steps to read, and the options that resume them from their start."""
        if options["imp_uid"]:
            if options["start"] or options["end"]:
                raise CommandError(_("Give either payments or dates, not both."), returncode=USAGE)
            if any(not uid.isprintable() or not uid.strip() for uid in options["imp_uid"]):
                raise CommandError(_("An imp_uid is empty or has invalid characters."), returncode=USAGE)
            return sync_by_id(options["imp_uid"]), ""
        end = parse_moment(options["end"], end_of_day=True) if options["end"] else timezone.now()
        start = parse_moment(options["start"]) if options["start"] else end - timedelta(days=DEFAULT_DAYS)
        if start >= end:
            future, order = _("--from is in the future."), _("--from must be before --to.")
            raise CommandError(order if options["end"] else future, returncode=USAGE)
        return sync_by_date(start, end, status=options["status"]), f"--from {start:%Y-%m-%d}"

    def _print(self, report: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.write_json(report)
            return
        self.stdout.write(
            _("%(read)d payments read: %(created)d new, %(updated)d changed, the rest unchanged.") % report
        )
        if report["missing"]:
            text = _("Not found at i'mport, or not readable (see the log): %(uids)s")
            self.stderr.write(text % {"uids": ", ".join(report["missing"])})
        if report["unbookable"]:
            text = _("%(count)d could not be stored (see the log): %(uids)s")
            uids = report["unbookable"]
            self.stderr.write(text % {"count": len(uids), "uids": ", ".join(uids)})
        if report["error"]:
            self.stderr.write(report["error"])
        if report["resume"]:
            self.stderr.write(_("Resume with: manage.py sync_payments %(resume)s") % report)
