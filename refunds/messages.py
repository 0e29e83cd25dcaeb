"""Messages about a refund's outcome, in the reader's language where they follow from the record.

Who causes a change and who reads about it may use different languages, and the worker uses the installation's.
i'mport's messages and details of a failure stay as they were stored.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from refunds.errors import RefundAbandoned
from refunds.models import RefundEvent, RefundRecord, RefundStatus

ACCEPTED = _("Accepted by i'mport; the PG completes it later.")
UNKNOWN = _("No answer from i'mport. We are checking whether it went through. Do not refund this order elsewhere.")
NOT_CARRIED_OUT = _("i'mport shows that this refund was not executed. Request it again if it is still needed.")
OPEN_TOO_LONG = _("Open for too long. Ask i'mport or the PG, then close it here.")
LOOKED_AT = _("Reviewed; no action needed.")
NOT_SHOWN = _("The payment was not found at i'mport, or i'mport's answer could not be read.")
UNBOOKABLE = _("i'mport's data could not be recorded. See the log.")
FOUND = _("Cancelled in i'mport's console; added here.")
FOUND_WITHOUT_ITEM = _("i'mport's total includes this refund, but its history does not.")

_OF_EVENTS: dict[str, Promise] = {
    "accepted": ACCEPTED,
    "not_carried_out": NOT_CARRIED_OUT,
    "needs_review": OPEN_TOO_LONG,
    "reviewed": LOOKED_AT,
}


def message_of(record: RefundRecord) -> str:
    """Return the message about this refund, besides its status."""
    if record.status == RefundStatus.PENDING:
        return str(ACCEPTED)
    if record.status == RefundStatus.UNKNOWN:
        return str(UNKNOWN)
    if record.error_code == RefundAbandoned.code:
        return str(NOT_CARRIED_OUT)
    return record.message


def event_message(event: RefundEvent) -> str:
    """Return the message of one line of a refund's timeline, besides its title."""
    if event.code == "imported" and not event.data.get("late"):
        return str(FOUND if event.data.get("cancellation_id") else FOUND_WITHOUT_ITEM)
    return str(_OF_EVENTS.get(event.code, event.message))
