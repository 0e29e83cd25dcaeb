"""What a batch says about itself, in the reader's language, and where its page is."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from refunds.models import RefundBatch, RefusalClass

# The stable words of `RefundBatch.pause_code` with which a batch pauses itself.
SELF_PAUSES = (REFUSED_IN_ROW, GATEWAY_DOWN) = ("refused_in_row", "gateway_down")
# The titles of the lines of a batch's timeline, by their code.
EVENTS = {
    "created": gettext_lazy("Bulk refund prepared"),
    "checked": gettext_lazy("Bulk refund checked"),
    "left_out": gettext_lazy("Orders left out of the bulk refund"),
    "approval_requested": gettext_lazy("Approval requested"),
    "approval_rejected": gettext_lazy("Bulk refund rejected"),
    "approval_expired": gettext_lazy("Approval has ended"),
    "approval_withdrawn": gettext_lazy("Request withdrawn"),
    "started": gettext_lazy("Bulk refund started"),
    "paused": gettext_lazy("Bulk refund paused"),
    "resumed": gettext_lazy("Bulk refund resumed"),
    "cancelled": gettext_lazy("Bulk refund stopped"),
    "finished": gettext_lazy("Bulk refund finished"),
}
_REFUSALS = dict(RefusalClass.choices)


def batch_name(batch: RefundBatch) -> str:
    """Return the name of the file or of the filter, or else where the orders come from, and which one it is."""
    return batch.title or f"{batch.get_origin_display()} #{batch.pk}"


def batch_path(batch: RefundBatch) -> str:
    """Return the address of the batch's page on this site."""
    return reverse("admin:refunds_refundbatch_page", args=[batch.token])


def pause_text(batch: RefundBatch) -> str:
    """Return why the batch paused itself and what to do; "" if somebody paused it, or it is not paused."""
    if batch.pause_code == GATEWAY_DOWN:
        return _("i'mport could not be reached several times in a row. Resume when it is available again.")
    if batch.pause_code != REFUSED_IN_ROW:
        return ""
    paused = batch.events.filter(code="paused").last()
    refusal = _REFUSALS.get(paused.data.get("refusal", "") if paused else "", RefusalClass.OTHER.label)
    text = _("The last refunds were all refused for the same reason: %(refusal)s. Solve that first, then resume.")
    return text % {"refusal": refusal}
