"""The answers to a refund request, in words for buyers: for the page without a script, and for the script's dialog."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from core.money import format_money
from refunds.errors import AwaitingApproval, Busy, IdempotencyConflict, RefundInProgress, RefundNotSent, RefundRefused
from refunds.models import MONEY_MAY_MOVE, RefundRecord, RefundStatus
from refunds.notices.words import NOT_DONE, REFUSED, arrival_note, refund_note
from refunds.storefront.words import FORBIDDEN

# By the names that the script uses. `{name}` is filled in.
TEXTS: dict[str, str | Promise] = {
    "succeeded_title": _("Refunded"),
    "succeeded": _("{amount} has been refunded."),
    "then_left": _("{rest} can still be refunded later."),
    "pending_title": _("Your refund was accepted"),
    "pending": _("{amount} is on its way. The payment provider needs a little time; the order shows the result."),
    "busy_title": _("A refund is already in progress"),
    "busy": _("Please wait for its result, which the order will show. Nothing was refunded twice."),
    "conflict_title": _("This request was already sent"),
    "conflict": _("Your first request had other details. Please check the order before you request again."),
    "confirm_title": _("Please check the account"),
    "confirm_more": _("Nothing was sent yet. Money sent to a wrong account rarely comes back."),
    "back": _("Correct the account"),
    "confirm": _("It is correct: refund"),
    "refused_title": _("The refund was refused"),
    "invalid_title": _("This order cannot be refunded this way"),
    "drifted_title": _("Part of this order was already refunded"),
    "drifted": _(
        "Nothing was refunded this time. {left} can still be refunded; please request it again if you want it back."
    ),
    "unavailable_title": _("The payment service cannot be reached"),
    "unavailable": _("Nothing was refunded. Please try again in a moment."),
    "not_done_title": _("The refund did not go through"),
    "not_done": NOT_DONE,
    "unknown_title": _("Your refund is being checked"),
    "unknown": _(
        "We requested the refund of {amount} but got no clear answer. We are checking it; please do not request it "
        "again. The order will show the result."
    ),
    # Of the fields.
    "left_of": _("{left} of {paid} can be refunded."),
    "amount_hint": _("Leave it empty to refund the full remaining amount."),
    "amount_full_only": _("This payment can only be refunded in full."),
    "amount_invalid": _("Enter the amount in digits, such as {example}."),
    "amount_zero": _("Enter more than zero, or leave it empty for a full refund."),
    "amount_too_much": _("At most {left} can be refunded."),
    "reason_optional": _("(optional)"),
    "reason_required": _("(required by Naver Pay)"),
    "reason_missing": _("Please choose a reason. Naver Pay requires one."),
    "holder_missing": _("Enter the name of the account holder."),
    "bank_missing": _("Choose the bank."),
    "account_missing": _("Enter the account number."),
    "tel_missing": _("Enter the account holder's telephone number."),
    "again": _("Request again"),
    "choose_bank": _("Choose a bank"),
    "to_method": _("The money is returned the way you paid: {method}."),
    "to_account_page": _("We will transfer the money to the account below."),
    "stale": _("Nothing was refunded. Please check your entries and send it again."),
    "nothing_left": _("Nothing is left to refund."),
    "discount": _("A discount of {discount} was applied to this order, so you receive less than this amount."),
    "fee": _("The shop pays the transfer fee of {fee}; you receive the full amount."),
    **{f"refused_{word}": text for word, text in REFUSED.items()},
    **{f"rule_{code}": text for code, text in FORBIDDEN.items()},
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold an answer for a buyer. `tone` names CSS classes, `contact` whom to ask; `again`: they may request again."""

    tone: str
    title: str
    text: str
    more: str = ""
    contact: bool = False
    again: bool = False


def say(name: str, **values: object) -> str:
    """Return the text `name` in the active language."""
    return str(TEXTS[name]).format(**values)


def answer_of(refund: RefundRecord) -> Answer:
    """Answer with what has become of this refund."""
    refund = refund.executed_late or refund
    currency = refund.payment.currency
    amount = format_money(refund.shown_amount, currency)
    if refund.status == RefundStatus.SUCCEEDED:
        left = refund.payment.refundable_amount
        rest = say("then_left", rest=format_money(left, currency)) if left > 0 else ""
        more = f"{arrival_note(refund)} {rest}".strip()
        return Answer("good", say("succeeded_title"), say("succeeded", amount=amount), more)
    if refund.status == RefundStatus.PENDING:
        return Answer("info", say("pending_title"), say("pending", amount=amount), arrival_note(refund))
    if refund.status == RefundStatus.UNKNOWN:
        return Answer("warn", say("unknown_title"), say("unknown", amount=amount))
    if refund.status == RefundStatus.REQUESTED:
        return Answer("info", say("busy_title"), say("busy"))
    return _failed(refund)


def _failed(refund: RefundRecord) -> Answer:
    left = refund.payment.refundable_amount
    if refund.error_code != RefundRefused.code:
        title = "unavailable_title" if refund.error_code == RefundNotSent.code else "not_done_title"
        return Answer("warn", say(title), refund_note(refund), again=left > 0)
    may_move = refund.refusal_class in MONEY_MAY_MOVE
    if left != refund.checksum and not may_move:  # the shop found a refund that it did not know
        text = say("drifted", left=format_money(left, refund.payment.currency))
        return Answer("info", say("drifted_title"), text, again=left > 0)
    return Answer("bad", say("refused_title"), refund_note(refund), contact=True, again=left > 0 and not may_move)


def answer_to(error: DomainError) -> Answer:
    """Answer a request that made no refund and sent nothing."""
    if isinstance(error, AwaitingApproval):  # staff, who refund an order of their own here
        return Answer("info", say("busy_title"), error.message)
    if isinstance(error, RefundInProgress):
        return Answer("info", say("busy_title"), say("busy"))
    if isinstance(error, IdempotencyConflict):
        return Answer("warn", say("conflict_title"), say("conflict"))
    if isinstance(error, Busy):
        return Answer("warn", say("unavailable_title"), error.message, again=True)
    return Answer("bad", say("refused_title"), error.message, contact=True)
