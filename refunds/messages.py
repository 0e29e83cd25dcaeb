"""Messages about a refund's outcome, in the reader's language where they follow from the record.

Who causes a change and who reads about it may use different languages, and the worker uses the installation's.
i'mport's messages and details of a failure stay as they were stored.
"""

from collections.abc import Callable
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from core.money import format_money
from payments.models import Payment
from refunds.errors import RefundAbandoned
from refunds.models import RefundEvent, RefundRecord, RefundStatus

ACCEPTED = _("Accepted by i'mport; the PG completes it later.")
UNKNOWN = _("No answer from i'mport. We are checking whether it went through. Do not refund this order elsewhere.")
NOT_CARRIED_OUT = _("i'mport shows that this refund was not executed. Request it again if it is still needed.")
OPEN_TOO_LONG = _("Open for too long. Ask i'mport or the PG, then close it here.")
LOOKED_AT = _("Reviewed; no action needed.")
NUMBERED_NOT_CARRIED_OUT = _(
    "Refund %(number)s of %(amount)s was not executed. Request it again if it is still needed."
)
NOT_SHOWN = _("The payment was not found at i'mport, or i'mport's answer could not be read.")
READ_TOO_EARLY = _("i'mport was read before the latest refund was recorded here. Check again.")
TAKEN_BACK = _(
    "i'mport shows %(shown)s refunded, but %(booked)s is recorded here: %(difference)s was taken back. Ask i'mport or "
    "the PG, then have it accepted on the payment's page by staff with the permission."
)
REVERSED = _("%(amount)s of this refund was taken back.")
UNBOOKABLE = _("i'mport's data could not be recorded. See the log.")
FOUND = _("Cancelled in i'mport's console; added here.")
FOUND_WITHOUT_ITEM = _("i'mport's total includes this refund, but its history does not.")

FOUND_LATE = _("i'mport shows that refund %(number)s was executed after all.")
PART_OF_TOTAL = _("i'mport's history now shows %(amount)s of it.")
OTHER_AMOUNT = _("%(asked)s was requested, %(done)s was refunded.")
ACCEPTED_REVERSAL = _("%(amount)s taken back: %(reason)s")
CLOSED = _("Closed manually: %(reason)s")


def message_of(record: RefundRecord) -> str:
    """Return the message about this refund, besides its status."""
    if record.status == RefundStatus.PENDING:
        return str(ACCEPTED)
    if record.status == RefundStatus.UNKNOWN:
        return str(UNKNOWN)
    if record.error_code == RefundAbandoned.code:
        return str(NOT_CARRIED_OUT)
    if record.reversed_amount:
        amount = format_money(record.reversed_amount, record.payment.currency)
        return f"{record.message} {REVERSED % {'amount': amount}}".strip()
    return record.message


def taken_back_message(payment: Payment) -> str:
    """Return what i'mport shows of a payment with a cancel that was taken back, what is recorded, and what to do."""
    currency = payment.currency
    return TAKEN_BACK % {
        "shown": format_money(payment.shown_cancel_amount, currency),
        "booked": format_money(payment.cancel_amount, currency),
        "difference": format_money(payment.taken_back, currency),
    }


def not_carried_out(record: RefundRecord) -> str:
    """Return that this refund was not executed, for a place that does not show the refund itself."""
    amount = format_money(record.amount, record.payment.currency)
    return NUMBERED_NOT_CARRIED_OUT % {"number": record.number, "amount": amount}


def other_amount(record: RefundRecord, done: Decimal) -> str:
    """Return that i'mport refunded `done` (major units) instead of what was requested; "" if it is the same."""
    if done == record.amount:
        return ""
    currency = record.payment.currency
    return OTHER_AMOUNT % {"asked": format_money(record.amount, currency), "done": format_money(done, currency)}


def event_message(event: RefundEvent) -> str:
    """Return the message of one line of a refund's timeline, besides its title.

    It follows from the event's `code` and `data`; the stored `message` holds only words that are not ours.
    """
    write = _OF_EVENTS.get(event.code)
    return write(event) if write else event.message


def _imported(event: RefundEvent) -> str:
    if late := event.data.get("late"):
        return FOUND_LATE % {"number": late}
    return str(FOUND if event.data.get("cancellation_id") else FOUND_WITHOUT_ITEM)


def _part_shown(event: RefundEvent) -> str:
    return PART_OF_TOTAL % {"amount": format_money(Decimal(event.data["amount"]), event.refund.payment.currency)}


_OF_EVENTS: dict[str, Callable[[RefundEvent], str]] = {
    "accepted": lambda _event: str(ACCEPTED),
    "not_carried_out": lambda _event: str(NOT_CARRIED_OUT),
    "needs_review": lambda _event: str(OPEN_TOO_LONG),
    "reviewed": lambda _event: str(LOOKED_AT),
    "succeeded": lambda event: other_amount(event.refund, Decimal(event.data["amount"])),
    "imported": _imported,
    "part_shown": _part_shown,
    "reversed": lambda event: (
        ACCEPTED_REVERSAL
        % {
            "amount": format_money(Decimal(event.data["amount"]), event.refund.payment.currency),
            "reason": event.message,
        }
    ),
    "closed_by_hand": lambda event: CLOSED % {"reason": event.message},
}
