"""Badges and addresses of bulk refunds, for the list and the pages."""

from django.urls import reverse
from django.utils.safestring import SafeString

from core.admin.display import badge
from refunds.models import BatchStatus, RefundBatch

COLOURS = {
    BatchStatus.DRAFT: "grey",
    BatchStatus.CHECKED: "amber",
    BatchStatus.AWAITING: "amber",
    BatchStatus.RUNNING: "blue",
    BatchStatus.PAUSED: "amber",
    BatchStatus.DONE: "green",
    BatchStatus.CANCELLED: "grey",
}


def batch_url(batch: RefundBatch, page: str, *arguments: str) -> str:
    """Return the address of a page about this batch, besides its own (`batch_path`)."""
    return reverse(f"admin:refunds_refundbatch_{page}", args=[batch.token, *arguments])


def status_badge(batch: RefundBatch) -> SafeString:
    return badge(COLOURS[BatchStatus(batch.status)], batch.get_status_display(), code=batch.status)
