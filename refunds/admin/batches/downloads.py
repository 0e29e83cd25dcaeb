"""Files of a bulk refund: its report, and its rows with problems as they were typed."""

import uuid

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from core.admin.log import log
from core.admin.pages import StaffRequest, staff_may
from core.exports.files import file_response
from core.sentences import sentence as _
from refunds.admin.batches.pages import find_batch_or_404
from refunds.batches.report import may_have_problem_sheet, problem_sheet, report_rows
from refunds.models import RefundBatch
from refunds.permissions import may_view_payments


@require_safe
@staff_may(may_view_payments)
def report(_request: StaffRequest, token: uuid.UUID, kind: str) -> HttpResponseBase:
    """Return every order with its result and the reason, and the totals."""
    batch = find_batch_or_404(token)
    return file_response(report_rows(batch), kind, _named(batch, _("bulk-refund-report")))


@require_safe
@staff_may(may_view_payments)
def problems(request: StaffRequest, token: uuid.UUID, kind: str) -> HttpResponseBase:
    """Return the rows with a problem as they were typed, accounts among them; log who takes them."""
    batch = find_batch_or_404(token)
    if not may_have_problem_sheet(request.user, batch):
        raise PermissionDenied
    answer = file_response(problem_sheet(batch), kind, _named(batch, _("bulk-refund-problems")))
    log(request.user, batch, text=_("Rows with problems downloaded"))
    return answer


def _named(batch: RefundBatch, name: str) -> str:
    return f"{name}-{timezone.localtime(batch.created_at):%Y-%m-%d}-{str(batch.token)[:8]}"
