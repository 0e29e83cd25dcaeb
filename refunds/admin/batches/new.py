"""Make a bulk refund from a file or a pasted table, and the templates of such files."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.admin.pages import StaffRequest, admin_page, staff_may
from core.exports.csv import CSV_TYPE
from core.exports.xlsx import XLSX_TYPE
from core.http.body_limit import takes_upload
from refunds.admin.batches.forms import SheetForm
from refunds.admin.batches.preview import actor_of
from refunds.batches.check import check_batch
from refunds.batches.create import create_batch
from refunds.batches.errors import BatchError, BatchExistsError
from refunds.batches.find_rows import find_orders
from refunds.batches.sheets.cells import SheetRefused
from refunds.batches.sheets.read import MAX_BYTES, Sheet, read_paste, read_sheet
from refunds.batches.sheets.read import too_large as too_large_refusal
from refunds.batches.sheets.template import csv_template, xlsx_template
from refunds.batches.words import batch_path
from refunds.models import BatchOrigin, RefundBatch, RefundSource
from refunds.permissions import may_refund_any

TEMPLATES = {"xlsx": (XLSX_TYPE, xlsx_template), "csv": (CSV_TYPE, csv_template)}


@staff_may(may_refund_any)
def too_large(request: StaffRequest) -> HttpResponse:
    """Show an empty form with the message that the file is too large: its body was not read."""
    form, refusal = SheetForm({"token": uuid.uuid4()}), too_large_refusal()
    form.errors.clear()
    form.add_error("file", ValidationError(refusal.message, code=refusal.code))
    page = _page(request, form)
    page.status_code = 413
    return page


@takes_upload(may_refund_any, too_large=too_large)
@require_http_methods(["GET", "POST"])
@staff_may(may_refund_any)
def new(request: StaffRequest) -> HttpResponse:
    """Show the form; on POST, read the sheet, check its orders, and show what would be refunded."""
    if request.method != "POST":
        form = SheetForm(initial={"token": uuid.uuid4()})
    else:
        form = SheetForm(request.POST, request.FILES)
        if form.is_valid() and (batch := _made(request, form)) is not None:
            return HttpResponseRedirect(batch_path(batch))
    return _page(request, form)


def _page(request: HttpRequest, form: SheetForm) -> TemplateResponse:
    title, refusal = _("New bulk refund from a file"), too_large_refusal()
    return admin_page(
        request, "admin/refunds/batches/new.html", title, form=form, max_bytes=MAX_BYTES, too_large=refusal.message
    )


@require_safe
@staff_may(may_refund_any)
def template(_request: StaffRequest, kind: str) -> HttpResponse:
    """Return an empty sheet with all columns."""
    if kind not in TEMPLATES:
        raise Http404
    content_type, write = TEMPLATES[kind]
    name = content_disposition_header(True, _("bulk-refund-template") + f".{kind}")
    return HttpResponse(write(), content_type=content_type, headers={"Content-Disposition": name or ""})


def _made(request: StaffRequest, form: SheetForm) -> RefundBatch | None:
    """Return the batch of the sheet, or None with the reason at the form's input."""
    is_file = bool(form.cleaned_data["file"])
    try:
        sheet = _read(form)
        batch = create_batch(
            token=form.cleaned_data["token"],
            actor=actor_of(request.user),
            source=RefundSource.ADMIN,
            origin=BatchOrigin.FILE,
            title=sheet.name,
            rows=find_orders(sheet.rows),
            reason=form.cleaned_data["reason"],
            reason_code=form.cleaned_data["reason_code"],
            language=get_language() or "",
            file_hash=sheet.file_hash,
            all_or_nothing=form.cleaned_data["all_or_nothing"],
        )
        check_batch(batch=batch, actor=actor_of(request.user))
    except BatchExistsError as exc:
        messages.info(request, exc.message, extra_tags=exc.code)
        return exc.batch
    except (SheetRefused, BatchError) as exc:
        form.add_error("file" if is_file else "text", ValidationError(exc.message, code=exc.code))
        return None
    _say_what_was_left(request, sheet)
    return batch


def _read(form: SheetForm) -> Sheet:
    """Read the file or the pasted text. Raises `SheetRefused`."""
    file = form.cleaned_data["file"]
    return read_sheet(file.name, file.read()) if file else read_paste(form.cleaned_data["text"])


def _say_what_was_left(request: HttpRequest, sheet: Sheet) -> None:
    """Name what of the sheet was not read: empty lines, lines above the heading, other sheets of the workbook."""
    skipped = sheet.empty_lines + sheet.skipped_lines
    if skipped:
        message = ngettext(
            "%(count)s line without an order was skipped.", "%(count)s lines without an order were skipped.", skipped
        )
        messages.info(request, message % {"count": f"{skipped:,}"}, extra_tags="lines_skipped")
    if sheet.other_sheets:
        message = _("Only the sheet “%(name)s” was read, not: %(others)s.")
        others = ", ".join(sheet.other_sheets)
        messages.warning(request, message % {"name": sheet.sheet_name, "others": others}, extra_tags="other_sheets")
