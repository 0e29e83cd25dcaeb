"""The timeline of a bulk refund in words: who did what, and what it changed."""

from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.money import format_totals
from refunds.admin.timeline import TimelineEntry
from refunds.batches.words import EVENTS
from refunds.models import RefundBatch, RefundBatchEvent, RefusalClass

_COLOURS = {
    "started": "blue",
    "resumed": "blue",
    "paused": "amber",
    "cancelled": "grey",
    "done": "green",
    "finished": "green",
}
_REFUSALS = dict(RefusalClass.choices)
_SHOWN = 100  # lines; a batch that is paused and resumed more often shows its latest


def batch_timeline(batch: RefundBatch) -> list[TimelineEntry]:
    """Return the latest events of a batch, oldest first."""
    latest = list(batch.events.order_by("-at", "-pk")[:_SHOWN])
    return [_entry(event) for event in reversed(latest)]


def _entry(event: RefundBatchEvent) -> TimelineEntry:
    title = EVENTS.get(event.code, event.code)
    return TimelineEntry(event.at, title, _COLOURS.get(event.code, "grey"), _details(event), event.actor)


def _details(event: RefundBatchEvent) -> str:
    data = event.data
    if event.code == "started":
        totals = format_totals((Decimal(total), currency) for currency, total in data.get("totals", {}).items())
        return " + ".join(totals)
    if event.code == "checked" and data.get("problems"):
        return _("%(count)s with a problem") % {"count": f"{data['problems']:,}"}
    if event.code == "paused" and data.get("refusal"):
        refusal = _REFUSALS.get(data["refusal"], RefusalClass.OTHER.label)
        return _("The last refunds were all refused for the same reason: %(refusal)s.") % {"refusal": refusal}
    if event.code == "cancelled":
        orders = data.get("orders", 0)
        return ngettext("%(count)s order was not refunded", "%(count)s orders were not refunded", orders) % {
            "count": f"{orders:,}"
        }
    if "orders" in data:
        return ngettext("%(count)s order", "%(count)s orders", data["orders"]) % {"count": f"{data['orders']:,}"}
    return ""
