"""`manage.py reconcile`: settle open refunds and import cancels made elsewhere."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from tqdm import tqdm

from core import clock
from core.commands import SOME_FAILED, failure, until_broken_off
from core.dates import date_argument, parse_moment
from core.errors import DomainError
from core.money import format_money
from payments.gateway import GatewayError
from payments.intake.catch_up import catch_up
from payments.intake.inbox import process_waiting
from payments.lookup import find_by_number
from payments.models import Payment
from refunds.batches.claims import open_batches
from refunds.batches.mail import send_mails
from refunds.batches.outcomes import BatchOutcome, State, all_lines
from refunds.batches.run import run_open_batches
from refunds.inputs import parse_uid
from refunds.management.base import RefundCommand, operator
from refunds.management.report_output import report_json
from refunds.messages import UNBOOKABLE, taken_back_message
from refunds.models import DiscrepancyKind, ReconciliationReport, Refunded
from refunds.reconciliation.drift import compare_period, run_comparison, waiting_comparisons, write_csv
from refunds.reconciliation.reconcile import Reconciled, import_cancels, reconcile
from refunds.reconciliation.repair import repair_requested, reports_to_repair
from refunds.reconciliation.reversal import accept_reversal
from refunds.serialization import Json, error_json, payment_json, refund_json, reversal_json

DEFAULT_REASON = "manage.py reconcile --accept-reversal"


class Command(RefundCommand):
    help = (
        "Read i'mport, settle open refunds, import cancels made in i'mport's console and copy new payments. "
        "Orders limit it to these; "
        "--all compares a period. Exit code: 0 all agree, 1 something is still open or differs, 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("order", nargs="*", metavar="MERCHANT_UID", help="Order number or imp_uid.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")
        parser.add_argument("--all", action="store_true", help="Compare every payment of a period (needs --since).")
        parser.add_argument("--since", type=date_argument, metavar="DATE", help="With --all: first day (Asia/Seoul).")
        parser.add_argument("--until", type=date_argument, metavar="DATE", help="With --all: last day; default: today.")
        parser.add_argument("--check", action="store_true", help="With --all: report only, repair nothing.")
        parser.add_argument(
            "--accept-reversal",
            action="store_true",
            help="With orders: where i'mport shows less refunded than the ledger, record that as taken back.",
        )
        parser.add_argument("--reason", metavar="TEXT", help="With --accept-reversal: why; kept in the timeline.")
        parser.add_argument("--csv", metavar="FILE", help="With --all: write the discrepancies to FILE (- for stdout).")

    def handle(self, *args: Any, **options: Any) -> None:
        self.ensure_configured(as_json=options["json"])
        self._check_reversal_options(options)
        if options["all"]:
            self._compare_period(options)
            return
        if options["since"] or options["until"] or options["check"] or options["csv"]:
            message = _("--since, --until, --check and --csv require --all.")
            raise self.usage_error(message, code="invalid_options", as_json=options["json"])
        named = options["order"]
        results: list[Json] = []
        for result in until_broken_off(self._named(named, options) if named else _everything()):
            results.append(result)
            if not options["json"]:
                line = f"{result['order']}: {result['message']}"
                self.stdout.write(line) if result["ok"] else self.stderr.write(line)
        if not (options["json"] or results):
            self.stdout.write(_("No open refunds. Everything agrees with i'mport."))
        ok = all(result["ok"] for result in results)
        if options["json"]:
            self.write_json({"ok": ok, "results": results})
        if not ok:
            raise SystemExit(SOME_FAILED)

    def _check_reversal_options(self, options: dict[str, Any]) -> None:
        message = ""
        if options["accept_reversal"] and (options["all"] or not options["order"]):
            message = _("--accept-reversal requires orders, and does not go with --all.")
        elif options["reason"] is not None and not options["accept_reversal"]:
            message = _("--reason requires --accept-reversal.")
        if message:
            raise self.usage_error(message, code="invalid_options", as_json=options["json"])

    def _named(self, orders: list[str], options: dict[str, Any]) -> Iterator[Json]:
        for order in dict.fromkeys(orders):
            try:
                number = parse_uid(order, field="merchant_uid")
                payment = find_by_number(payments=Payment.objects.all(), number=number, ask_gateway=True)
                if options["accept_reversal"]:
                    yield _accept_reversal(order, payment, options["reason"])
                    continue
            except DomainError as exc:
                yield {"order": order, "ok": False, **error_json(exc)}
            else:
                for result in reconcile(payments=Payment.objects.filter(pk=payment.pk)):
                    yield _result_json(order, result)

    def _compare_period(self, options: dict[str, Any]) -> None:
        """Make a reconciliation report. Exit code 1 if discrepancies are left, or if reading i'mport failed."""
        if options["order"] or not options["since"]:
            message = _("--all requires --since DATE and takes no orders.")
            raise self.usage_error(message, code="invalid_options", as_json=options["json"])
        since = parse_moment(options["since"])
        until = parse_moment(options["until"], end_of_day=True) if options["until"] else timezone.now()
        if since >= until:
            future, order = _("--since is in the future."), _("--since must be before --until.")
            message = order if options["until"] else future
            raise self.usage_error(message, code="invalid_options", as_json=options["json"])
        with self._csv_file(options) as file:
            with tqdm(unit=" payments", disable=None, file=self.stderr) as bar:
                report = compare_period(
                    since=since, until=until, check_only=options["check"], on_progress=partial(_show_progress, bar)
                )
            written = not file or self._write_csv(report, file, options["csv"])
        if options["json"]:
            self.write_json(report_json(report))
        elif options["csv"] != "-":
            self._write_report(report)
        if report.remaining or report.waiting.exists() or report.error or not written:
            raise SystemExit(SOME_FAILED)

    def _csv_file(self, options: dict[str, Any]) -> AbstractContextManager[IO[str] | None]:
        """Open the file for --csv, if any: a file that cannot be written is a usage error, before any work.

        An earlier report in it stays until there is a new one.
        """
        name = options["csv"]
        if not name or name == "-":
            return nullcontext(cast(IO[str], self.stdout) if name else None)
        try:
            return Path(name).open("a", newline="", encoding="utf-8-sig")
        except OSError as exc:
            raise self.usage_error(_unwritable(name, exc), code="invalid_options", as_json=options["json"]) from exc

    def _write_csv(self, report: ReconciliationReport, file: IO[str], name: str) -> bool:
        """Write the discrepancies in place of what the file held. Return whether that worked."""
        try:
            if file.seekable():
                file.seek(0)
                file.truncate()
            write_csv(report, file)
            file.flush()
        except OSError as exc:
            self.stderr.write(_unwritable(name, exc))
            with suppress(OSError):  # it holds what could not be written
                file.close()
            return False
        return True

    def _write_report(self, report: ReconciliationReport) -> None:
        taken_back = Payment.objects.taken_back().filter(imp_uid__in=report.discrepancies.values("imp_uid"))
        differing = taken_back.in_bulk(field_name="imp_uid")
        everything = list(report.discrepancies.all())
        for found in everything:
            state = _("repaired") if found.repaired else _("unresolved")
            if found.is_waiting and not found.repaired:
                state = _("waiting for the PG")
            words = f"{found.get_kind_display()}: {found.here or '-'} / {found.there or '-'}"
            self.stdout.write(f"{found.merchant_uid} ({found.imp_uid}): {words} ({state})")
            if found.kind == DiscrepancyKind.REFUNDED and found.imp_uid in differing:
                self.stdout.write(f"  {taken_back_message(differing[found.imp_uid])}")
        repaired = sum(found.repaired for found in everything)
        figures = {"compared": report.compared, "found": len(everything), "repaired": repaired}
        self.stdout.write(
            _("%(compared)d payments compared, %(found)d discrepancies, %(repaired)d repaired.") % figures
        )
        for refunded in report.refunded:
            self.stdout.write(_refunded_text(refunded))
        if report.error:
            self.stderr.write(_("Stopped early: %(error)s") % {"error": report.error})


def _refunded_text(refunded: Refunded) -> str:
    amounts = {"here": refunded.here, "there": refunded.there, "difference": refunded.difference}
    words = {name: format_money(amount, refunded.currency) for name, amount in amounts.items()}
    return _("Refunded: %(here)s here, %(there)s at i'mport, difference %(difference)s.") % words


def _unwritable(name: str, exc: OSError) -> str:
    return _("%(file)s cannot be written: %(error)s") % {"file": name, "error": exc.strerror}


def _show_progress(bar: "tqdm[Any]", report: ReconciliationReport) -> None:
    bar.total = max(report.total, report.compared)
    bar.update(report.compared - bar.n)


def _everything() -> Iterator[Json]:
    for waiting in waiting_comparisons():
        run_comparison(report_id=waiting.pk)
    for report in reports_to_repair():
        repair_requested(report=report)
    batches, began = list(open_batches()), clock.database_now()
    run_open_batches()
    send_mails()
    for batch in batches:
        for outcome in all_lines(batch):
            done_now = outcome.item.done_at is not None and outcome.item.done_at >= began
            if outcome.payment is not None and outcome.state is not State.PROBLEM and done_now:
                yield _batch_json(outcome, outcome.payment)
    for result in reconcile():
        yield _result_json(result.payment.merchant_uid, result)
    yield from _news_of_iamport()


def _news_of_iamport() -> Iterator[Json]:
    """Import what changed at i'mport. Notifications come last: anyone can send them, and none is needed."""
    try:
        for result in import_cancels():
            yield _result_json(result.payment.merchant_uid, result)
        for imp_uid in catch_up().unbookable:
            yield failure(imp_uid, "unbookable", str(UNBOOKABLE))
    except GatewayError as exc:
        yield failure("*", "gateway_unavailable", exc.message)
    notified = process_waiting()
    if notified.failed:
        yield failure("*", "notifications_unread", notified.message)


def _accept_reversal(order: str, payment: Payment, reason: str | None) -> Json:
    reason = DEFAULT_REASON if reason is None else reason
    accepted = accept_reversal(payment=payment, actor=operator(), reason=reason)
    amount = format_money(accepted.amount, payment.currency)
    return {
        "order": order,
        "ok": True,
        "code": "reversed",
        "message": _("%(amount)s is recorded as taken back.") % {"amount": amount},
        "payment": payment_json(accepted.payment),
        "reversals": [reversal_json(reversal) for reversal in accepted.reversals],
    }


def _batch_json(outcome: BatchOutcome, payment: Payment) -> Json:
    """An order of a batch that no worker had finished."""
    return {
        "order": payment.merchant_uid,
        "ok": outcome.state in (State.REFUNDED, State.PENDING),
        "code": outcome.code or outcome.state.value,
        "message": outcome.message or _("The refund was executed."),
        "payment": payment_json(payment),
        "imported": [],
        "unresolved": refund_json(outcome.refund) if outcome.refund and outcome.refund.is_live else None,
    }


def _result_json(order: str, result: Reconciled) -> Json:
    return {
        "order": order,
        "ok": result.outcome not in ("waiting", "taken_back", "unreachable", "unbookable"),
        "code": result.outcome,
        "message": result.message,
        "payment": payment_json(result.payment),
        "imported": [refund_json(refund) for refund in result.imported],
        "unresolved": refund_json(result.unresolved) if result.unresolved else None,
    }
