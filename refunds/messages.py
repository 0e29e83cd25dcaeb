"""What became of a refund, in the reader's language, where it follows from the record.

Whoever caused a change may speak another language than whoever reads of it, and the worker speaks the
installation's. What i'mport said, and details of a failure, stay as they were written down.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from refunds.errors import RefundAbandoned
from refunds.models import RefundEvent, RefundRecord, RefundStatus

ACCEPTED = _("Accepted by i'mport; the PG carries it out later.")
UNKNOWN = _(
    "The refund was sent, but no answer came: it may or may not be done. It is being checked; do not refund "
    "this order elsewhere meanwhile."
)
NOT_CARRIED_OUT = _("i'mport shows that this refund was not carried out. Ask again if it is still wanted.")
OPEN_TOO_LONG = _("Open for too long: please ask i'mport or the PG, then close it here.")
LOOKED_AT = _("Looked at; nothing more to do.")
NOT_SHOWN = _("i'mport does not know this payment, or its answer could not be read.")
UNBOOKABLE = _("What i'mport shows could not be booked; the log says why.")
FOUND = _("Found at i'mport: cancelled there, not here.")
FOUND_WITHOUT_ITEM = _("i'mport's total shows this refund, but no item of its history does.")

_OF_EVENTS: dict[str, Promise] = {
    "accepted": ACCEPTED,
    "not_carried_out": NOT_CARRIED_OUT,
    "needs_review": OPEN_TOO_LONG,
    "reviewed": LOOKED_AT,
}


def message_of(record: RefundRecord) -> str:
    """What to tell about this refund, besides its state."""
    if record.status == RefundStatus.PENDING:
        return str(ACCEPTED)
    if record.status == RefundStatus.UNKNOWN:
        return str(UNKNOWN)
    if record.error_code == RefundAbandoned.code:
        return str(NOT_CARRIED_OUT)
    return record.message


def event_message(event: RefundEvent) -> str:
    """What to tell about one line of a refund's timeline, besides its title."""
    if event.code == "imported" and not event.data.get("late"):
        return str(FOUND if event.data.get("cancellation_id") else FOUND_WITHOUT_ITEM)
    return str(_OF_EVENTS.get(event.code, event.message))
