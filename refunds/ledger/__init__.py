"""The ledger: the only code that changes a refund's state. matching and plan (pure) -> booking -> transitions."""

from refunds.ledger.booking import PART_SHOWN, Booking, book, book_reading, link_late_cancel, parts_shown
from refunds.ledger.matching import Reading, booked_keys, cancellation_keys, wire_reason
from refunds.ledger.reversal import Share, reverse, shares_of
from refunds.ledger.transitions import AlreadySettled, add_event, move

__all__ = [
    "PART_SHOWN",
    "AlreadySettled",
    "Booking",
    "Reading",
    "Share",
    "add_event",
    "book",
    "book_reading",
    "booked_keys",
    "cancellation_keys",
    "link_late_cancel",
    "move",
    "parts_shown",
    "reverse",
    "shares_of",
    "wire_reason",
]
