"""Messages about a refund's outcome, in the reader's language.

Who causes a change and who reads about it may use different languages, and the worker uses the installation's.
i'mport's messages stay as they came; the others are stored as sentences that can be said again (`core.sentences`).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import cast

from django.utils.functional import Promise

from core.money import format_money
from core.sentences import joined
from core.sentences import sentence_lazy as _
from payments.gateway import NextStep
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
# By the evidence that a refund was found by.
TAKEN_AS_OURS = {
    "amount": _(
        "i'mport shows a cancel of this amount without our refund number, and it was taken as this refund. If another "
        "system made it, request this refund again."
    ),
    "total": _(
        "i'mport's total includes this amount, but its history does not, and it was taken as this refund. If another "
        "system made it, request this refund again."
    ),
}
CLOSED = _("Closed manually: %(reason)s")

# What staff do after a refusal. Where money may have moved, reading the payment comes before any other refund.
NEXT_STEPS: Mapping[NextStep, str | Promise] = {
    "compare": _(
        "This may already be refunded. Use “Check with i'mport”, and compare with the PG's own console before "
        "refunding another way."
    ),
    "wait": _(
        "An earlier cancel may still be running at the PG. Wait, then use “Check with i'mport”. Send no other refund "
        "before that."
    ),
    "ask_pg": _("Ask the PG what became of this refund. Do not send it again before its answer."),
    "ask_pg_contract": _("Ask the PG: its contract or the channel's settings do not allow this cancel."),
    "wait_for_sales": _(
        "The shop's settlement money at the PG is too low. Refund again when there are new sales, or ask the PG to "
        "force the cancel."
    ),
    "pay_in": _(
        "The shop's money at the PG is too low. Pay the amount in, or ask the PG to raise the limit, then refund again."
    ),
    "tomorrow": _("The limit of the day is used up at the PG. Refund again tomorrow."),
    "next_month": _(
        "The limit of the month is used up at the PG. Refund again next month, or ask the PG for a higher limit."
    ),
    "later": _(
        "The PG or the bank is not available. Use “Check with i'mport”. If nothing was refunded, refund again later."
    ),
    "in_10_minutes": _("The PG cannot accept this cancel yet. Refund again in 10 minutes."),
    "outside": _("The PG does not refund this payment. Refund the buyer another way."),
    "outside_agreed": _(
        "The buyer has confirmed the purchase. Agree on the refund with the buyer, and refund another way."
    ),
    "in_full": _("The PG does not refund this payment in part. Refund it in full, or refund the buyer another way."),
    "larger_part": _("The part is less than the instant discount. Refund a larger part."),
    "rest_in_part": _("Enter exactly the amount that is left, and refund again."),
    "real_balance": _(
        "The balance at the PG differs. Use “Check with i'mport”, then refund no more than what is left."
    ),
    "tax_parts": _(
        "The tax parts do not fit the PG's balance. Correct the tax-free part and the VAT, then refund again."
    ),
    "other_account": _("Ask the buyer for another account, and check the holder and the number."),
    "own_account": _("This is the virtual account that was paid into. Ask the buyer for an account of their own."),
    "check_bank": _("The PG does not know this bank. Choose the bank again, or ask the buyer for another account."),
    "without_account": _(
        "The PG cancels mobile phone payments of this month without a bank account. Refund again without one."
    ),
    "receipt_later": _("Cancel the cash receipt once the refund is done at the PG."),
    "escrow_service": _("Cancel this payment in the PG's escrow service."),
    "wait_for_buyer": _("Wait until the buyer has confirmed or refused the purchase, then refund again."),
    "check_number": _("i'mport does not know this payment. Check the API key and the payment number."),
    "test_payment": _("Nobody has paid into this virtual account. Check whether this is a test payment."),
    "read_message": _("Read i'mport's message. If it does not say what to do, ask the PG."),
}


def message_of(record: RefundRecord) -> str:
    """Return the message about this refund, besides its status."""
    if record.status == RefundStatus.PENDING:
        return str(ACCEPTED)
    if record.status == RefundStatus.UNKNOWN:
        return str(UNKNOWN)
    if record.status == RefundStatus.FAILED and record.executed_late:
        return FOUND_LATE % {"number": record.number}
    if record.error_code == RefundAbandoned.code:
        return str(NOT_CARRIED_OUT)
    if record.reversed_amount:
        amount = format_money(record.reversed_amount, record.payment.currency)
        return joined(record.message, REVERSED % {"amount": amount})
    return record.message


def taken_back_message(payment: Payment) -> str:
    """Return what i'mport shows of a payment with a cancel that was taken back, what is recorded, and what to do."""
    currency = payment.currency
    return TAKEN_BACK % {
        "shown": format_money(payment.shown_cancel_amount, currency),
        "booked": format_money(payment.cancel_amount, currency),
        "difference": format_money(payment.taken_back, currency),
    }


def next_step_of(record: RefundRecord) -> str:
    """Return what staff do about this refused refund; "" if it was not refused, or says nothing we know."""
    return str(NEXT_STEPS.get(cast(NextStep, record.refusal_step), ""))


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


def _succeeded(event: RefundEvent) -> str:
    other = other_amount(event.refund, Decimal(event.data["amount"]))
    return joined(other, str(TAKEN_AS_OURS.get(event.data.get("evidence", ""), "")))


def _part_shown(event: RefundEvent) -> str:
    return PART_OF_TOTAL % {"amount": format_money(Decimal(event.data["amount"]), event.refund.payment.currency)}


_OF_EVENTS: dict[str, Callable[[RefundEvent], str]] = {
    "accepted": lambda _event: str(ACCEPTED),
    "not_carried_out": lambda _event: str(NOT_CARRIED_OUT),
    "needs_review": lambda _event: str(OPEN_TOO_LONG),
    "reviewed": lambda _event: str(LOOKED_AT),
    "succeeded": _succeeded,
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
