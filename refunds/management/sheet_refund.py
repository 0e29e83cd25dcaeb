"""`manage.py refund --file`: read a sheet, show what would be refunded, have it confirmed, and refund it here."""

import sys
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from django.db import connections
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from tqdm import tqdm

from core.commands import INTERRUPTED, SOME_FAILED, UNEXPECTED, failure, log_broken_off, stop_signals
from core.money import KRW
from refunds.batches.check import check_batch
from refunds.batches.control import cancel_batch, pause_batch, resume_batch
from refunds.batches.create import create_batch, find_made
from refunds.batches.errors import BatchError, BatchExistsError, BatchStateError
from refunds.batches.find_rows import find_orders
from refunds.batches.outcomes import counts_of
from refunds.batches.preview import BatchPreview, preview_of
from refunds.batches.run import run_open_batches
from refunds.batches.sheets.cells import SheetRefused
from refunds.batches.sheets.read import MAX_BYTES, Sheet, read_sheet
from refunds.batches.start import start_batch
from refunds.batches.words import pause_text
from refunds.errors import AwaitingApproval, InvalidRequest
from refunds.inputs import RefundRequest, parse_typed_amount
from refunds.management import sheet_output
from refunds.management.approval_output import decision_json, decision_text
from refunds.management.base import RefundCommand, operator
from refunds.models import STARTED, BatchOrigin, BatchStatus, RefundApproval, RefundBatch, RefundSource
from refunds.serialization import Json

STANDARD_INPUT = "-"
LOOK_AGAIN = 0.5  # seconds between two looks at the batch
UNSTARTED = (BatchStatus.DRAFT, BatchStatus.CHECKED)


class SheetRefund:
    """One run of the command with one sheet."""

    def __init__(self, command: RefundCommand, options: dict[str, Any], request: RefundRequest) -> None:
        self._command, self._options = command, options
        self._reason, self._reason_code = request.reason, request.reason_code
        self._as_json: bool = options["json"]
        self._dry_run: bool = options["dry_run"]
        self._actor = operator()
        self._broken_off: list[Json] = []

    def run(self) -> None:
        """Do all of it. Raises `CommandError` (exit code 2), or `SystemExit` unless every order was refunded."""
        sheet = self._read()
        batch, is_new = self._find_or_create(sheet)
        if not is_new:
            self._say(sheet_output.known_text(batch))
        if batch.status in UNSTARTED:
            preview = self._check(batch)
            self._say(*sheet_output.preview_texts(batch, preview, sheet))
            if self._dry_run or not preview.orders:
                self._end_unstarted(batch, preview, is_new=is_new)
                return
            self._start(batch, preview)
        if batch.status == BatchStatus.AWAITING:
            self._note_approval(batch)
        elif not self._dry_run:
            self._refund(batch)
        self._report(batch)

    def _read(self) -> Sheet:
        name = self._options["file"]
        try:
            if name == STANDARD_INPUT:
                return read_sheet("-", sys.stdin.buffer.read(MAX_BYTES + 1))
            with Path(name).open("rb") as file:
                return read_sheet(Path(name).name, file.read(MAX_BYTES + 1))
        except OSError as exc:
            message = _("%(file)s cannot be read: %(error)s.") % {"file": name, "error": exc.strerror}
            raise self._command.usage_error(message, code="unreadable_file", as_json=self._as_json) from exc
        except SheetRefused as exc:
            raise self._command.usage_error(exc.message, code=exc.code, as_json=self._as_json) from exc

    def _find_or_create(self, sheet: Sheet) -> tuple[RefundBatch, bool]:
        """Return the batch of this file, and whether it is new."""
        if made := find_made(file_hash=sheet.file_hash):
            return made, False
        name = _("Standard input") if sheet.name == "-" else sheet.name
        try:
            batch = create_batch(
                token=uuid.uuid4(),
                actor=self._actor,
                source=RefundSource.COMMAND,
                origin=BatchOrigin.FILE,
                title=_("%(name)s (dry run)") % {"name": name} if self._dry_run else name,
                rows=find_orders(sheet.rows),
                reason=self._reason,
                reason_code=self._reason_code,
                language=get_language() or "",
                file_hash=sheet.file_hash,
            )
        except BatchExistsError as exc:
            return exc.batch, False
        except BatchError as exc:
            raise self._command.usage_error(exc.message, code=exc.code, as_json=self._as_json) from exc
        return batch, True

    def _check(self, batch: RefundBatch) -> BatchPreview:
        try:
            reasons = {"reason": self._reason or None, "reason_code": self._reason_code or None}
            check_batch(batch=batch, actor=self._actor, **reasons)
        except BatchStateError as exc:
            self._refuse(batch, exc.code, exc.message)
        return preview_of(batch)

    def _end_unstarted(self, batch: RefundBatch, preview: BatchPreview, *, is_new: bool) -> None:
        """Show what would happen. A dry run leaves a batch open only if there was one before."""
        results = sheet_output.result_lines(batch)
        if self._dry_run and is_new:
            cancel_batch(batch=batch, actor=self._actor)
        self._say(_("Nothing was sent."))
        self._finish(batch, results, preview=sheet_output.preview_json(preview))

    def _start(self, batch: RefundBatch, preview: BatchPreview) -> None:
        """Start the batch once its total and its warnings are confirmed; else leave it checked."""
        is_terminal = sys.stdin.isatty() and not self._as_json
        try:
            if not is_terminal and not (self._options["total"] and self._options["yes"]):
                message = _("Without a terminal, confirm with --total and --yes; --yes accepts the warnings.")
                self._refuse(batch, "not_confirmed", message, preview)
            totals = self._totals(preview, self._options["total"] or self._ask_totals(preview))
            accepted = {warning.code for warning in preview.warnings}
            if accepted and not self._options["yes"] and not _agrees(_("Accept the warnings? Type yes: ")):
                self._refuse(batch, "not_confirmed", _("The warnings were not accepted."), preview)
            start_batch(batch=batch, actor=self._actor, totals=totals, accepted=accepted)
        except (BatchError, InvalidRequest) as exc:
            self._refuse(batch, exc.code, exc.message, preview)

    def _note_approval(self, batch: RefundBatch) -> None:
        """Say that a second person decides, and where: the worker refunds the orders after that."""
        approval = RefundApproval.objects.waiting().get(batch=batch)
        message = f"{AwaitingApproval(approval, is_new=True).message} {decision_text(decision_json(approval))}"
        self._broken_off = [failure("*", AwaitingApproval.code, message)]

    def _ask_totals(self, preview: BatchPreview) -> list[str]:
        """Ask for the total of each currency."""
        question = _("Type the total to refund in %(currency)s: ")
        return [f"{_ask(question % {'currency': name})} {name}" for name in preview.totals or (KRW,)]

    def _totals(self, preview: BatchPreview, typed: Sequence[str]) -> dict[str, Decimal]:
        """Return the typed totals by currency. Raises `InvalidRequest`."""
        only = next(iter(preview.totals)) if len(preview.totals) == 1 else KRW
        totals = {}
        for text in typed:
            amount, _space, currency = text.strip().rpartition(" ")
            if not (currency.isalpha() and currency.isascii() and len(currency) == 3):
                amount, currency = text, only
            currency = currency.upper()
            totals[currency] = parse_typed_amount(amount, field="total", currency=currency)
        return totals

    def _refuse(self, batch: RefundBatch, code: str, message: str, preview: BatchPreview | None = None) -> NoReturn:
        """Say why nothing was started, and where the batch waits."""
        where = _("Nothing was sent. The bulk refund waits at %(url)s.") % {"url": sheet_output.address(batch)}
        more: Json = {"batch": sheet_output.batch_json(batch)}
        if preview:
            more["preview"] = sheet_output.preview_json(preview)
        text = f"{message} {where}"
        raise self._command.usage_error(text, code=code, as_json=self._as_json, **more)

    def _refund(self, batch: RefundBatch) -> None:
        """Refund the orders in this process until the batch ends or pauses; an interruption pauses it."""
        if batch.status == BatchStatus.PAUSED:
            resume_batch(batch=batch, actor=self._actor)
        if batch.status != BatchStatus.RUNNING:
            return
        try:
            self._run_here(batch)
        except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001 - logged below
            log_broken_off("the bulk refund", exc)
            message = _("Something went wrong (see the log). Run the command again to finish.")
            self._broken_off = [failure("*", UNEXPECTED, message)]

    def _run_here(self, batch: RefundBatch) -> None:
        total = counts_of(batch).to_refund
        with (
            stop_signals() as stopped,
            tqdm(total=total, unit=" orders", disable=None, file=self._command.stderr) as bar,
            ThreadPoolExecutor(1, "batch") as pool,
        ):
            while batch.status == BatchStatus.RUNNING:
                work = pool.submit(copy_context().run, _work, batch.pk, stopped.is_set)
                self._follow(work, batch, bar)
                if stopped.is_set():
                    self._pause(batch)
                    return
                # Orders of another process, or of one that is gone, may be left.
                stopped.wait(LOOK_AGAIN)
                batch.refresh_from_db()

    def _follow(self, work: "Future[None]", batch: RefundBatch, bar: "tqdm[Any]") -> None:
        """Show the progress until this process has nothing more to do."""
        while True:
            ended = wait([work], timeout=LOOK_AGAIN).done
            if not bar.disable or ended:
                bar.update(counts_of(batch).done - bar.n)
            if ended:
                work.result()
                return

    def _pause(self, batch: RefundBatch) -> None:
        try:
            pause_batch(batch=batch, actor=self._actor)
        except BatchStateError:  # it ended meanwhile, or somebody was first
            return
        self._broken_off = [failure("*", INTERRUPTED, _("Paused. Run the same command again to continue."))]

    def _report(self, batch: RefundBatch) -> None:
        batch.refresh_from_db()
        self._say(*sheet_output.count_texts(batch))
        if batch.status in STARTED and not self._broken_off and not self._dry_run:
            how = _("Paused. Run the same command again to continue.")
            message = f"{pause_text(batch)} {how}".strip()
            self._broken_off = [failure("*", batch.pause_code or batch.status, message)]
        self._finish(batch, sheet_output.result_lines(batch))

    def _finish(self, batch: RefundBatch, results: list[Json], **more: Any) -> None:
        results += self._broken_off
        failed = [result for result in results if not result["ok"]]
        if self._as_json:
            document = {"ok": not failed, "dry_run": self._dry_run, "batch": sheet_output.batch_json(batch)}
            self._command.write_json({**document, **more, "results": results})
        else:
            for text in sheet_output.failure_texts(failed):
                self._command.stderr.write(text)
            self._say(_("Details: %(url)s") % {"url": sheet_output.address(batch)})
        if failed:
            raise SystemExit(SOME_FAILED)

    def _say(self, *texts: str) -> None:
        if not self._as_json:
            for text in texts:
                self._command.stdout.write(text)


def _work(batch_id: int, is_stopping: Callable[[], bool]) -> None:
    try:
        run_open_batches(is_stopping=is_stopping, only=batch_id)
    finally:
        connections.close_all()


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()


def _agrees(question: str) -> bool:
    return _ask(question).strip().casefold() in ("yes", "y", "예", "네")
