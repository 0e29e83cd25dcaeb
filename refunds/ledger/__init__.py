"""The ledger: the only code that changes a refund's state. matching and plan (pure) -> booking -> transitions."""

from refunds.ledger.arrival import (
    ArrivalStanding,
    accepted_before,
    arrival_standing,
    business_day_exceptions,
    expected_arrival,
    expected_by,
    is_late,
    late_refunds,
)
from refunds.ledger.booking import PART_SHOWN, Booking, book, book_reading, link_late_cancel, parts_shown
from refunds.ledger.matching import Reading, booked_keys, cancellation_keys, wire_reason
from refunds.ledger.reversal import Share, reverse, shares_of
from refunds.ledger.transitions import AlreadySettled, add_event, move, send

__all__ = [
    "PART_SHOWN",
    "AlreadySettled",
    "ArrivalStanding",
    "Booking",
    "Reading",
    "Share",
    "accepted_before",
    "add_event",
    "arrival_standing",
    "book",
    "book_reading",
    "booked_keys",
    "business_day_exceptions",
    "cancellation_keys",
    "expected_arrival",
    "expected_by",
    "is_late",
    "late_refunds",
    "link_late_cancel",
    "move",
    "parts_shown",
    "reverse",
    "send",
    "shares_of",
    "wire_reason",
]
