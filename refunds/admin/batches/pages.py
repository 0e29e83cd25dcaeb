"""The page of a bulk refund, by its status: what would be refunded, its progress, the closing report. Only reads."""

import uuid

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.admin.pages import StaffRequest, admin_page, staff_may
from refunds.admin.batches.forms import StartForm
from refunds.admin.batches.preview import preview_facts
from refunds.admin.batches.watch import watch_facts
from refunds.batches.preview import BatchPreview
from refunds.models import BatchStatus, RefundBatch
from refunds.permissions import may_view_payments


def find_batch_or_404(token: uuid.UUID) -> RefundBatch:
    return get_object_or_404(RefundBatch.objects.select_related("requested_by", "retry_of"), token=token)


@require_safe
@staff_may(may_view_payments)
def page(request: StaffRequest, token: uuid.UUID) -> HttpResponse:
    """Show the batch as it is now. A reload changes nothing."""
    batch = find_batch_or_404(token)
    if batch.status in (BatchStatus.DRAFT, BatchStatus.CHECKED, BatchStatus.AWAITING):
        return preview_page(request, batch, request.user)
    return admin_page(request, "admin/refunds/batches/watch.html", _("Refund result"), **watch_facts(request, batch))


def preview_page(
    request: StaffRequest,
    batch: RefundBatch,
    user: User,
    preview: BatchPreview | None = None,
    form: StartForm | None = None,
) -> HttpResponse:
    """Show what a batch would refund, with the form that starts it."""
    facts = preview_facts(request, batch, user, preview, form)
    return admin_page(request, "admin/refunds/batches/preview.html", _("Check the bulk refund"), **facts)
