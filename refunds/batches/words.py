"""What a batch says about itself, in the reader's language."""

from django.utils.translation import gettext as _

from refunds.models import RefundBatch, RefusalClass

# The stable words of `RefundBatch.pause_code` with which a batch pauses itself.
REFUSED_IN_ROW, GATEWAY_DOWN = "refused_in_row", "gateway_down"
_REFUSALS = dict(RefusalClass.choices)


def pause_text(batch: RefundBatch) -> str:
    """Return why the batch paused itself and what to do; "" if somebody paused it, or it is not paused."""
    if batch.pause_code == GATEWAY_DOWN:
        return _("i'mport could not be reached several times in a row. Resume when it is available again.")
    if batch.pause_code != REFUSED_IN_ROW:
        return ""
    paused = batch.events.filter(code="paused").last()
    refusal = _REFUSALS.get(paused.data.get("class", "") if paused else "", RefusalClass.OTHER.label)
    text = _("The last refunds were all refused for the same reason: %(refusal)s. Solve that first, then resume.")
    return text % {"refusal": refusal}
