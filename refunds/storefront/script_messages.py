"""The messages of the storefront's script, in the active language. The script fills in `{name}`."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def script_texts() -> dict[str, str]:
    """Return all messages by their names in the script."""
    return _dialog_texts() | _problem_texts() | _answer_texts()


def _dialog_texts() -> dict[str, str]:
    return {
        "left_of": _("{left} of {paid} can be refunded."),
        "amount_hint": _("Leave it empty to refund the full remaining amount."),
        "amount_full_only": _("This payment can only be refunded in full."),
        "to_card": _("{amount} of the {paid} you paid will be refunded to your card."),
        "to_trans": _("{amount} of the {paid} you paid will be returned to your bank account."),
        "to_phone": _("{amount} of the {paid} you paid will be taken off your mobile phone bill."),
        "to_account": _("We will transfer {amount} to the account below."),
        "to_wallet": _("{amount} of the {paid} you paid will be returned through {method}."),
        "then_left": _("{rest} can still be refunded later."),
        "then_nothing": _("Nothing is left to refund after that."),
        "fee": _("The shop pays the transfer fee of {fee}; you receive the full amount."),
        "submit": _("Refund {amount}"),
        "submit_plain": _("Refund"),
        "sending": _("Sending…"),
        "choose_bank": _("Choose a bank"),
        "account_kept": _("ending in {last4}; enter it only to change it"),
        "done": _("Done"),
        "close": pgettext("dialog", "Close"),
        "retry": _("Try again"),
        "sign_in": _("Sign in"),
        "reload": _("Reload the page"),
    }


def _problem_texts() -> dict[str, str]:
    return {
        "amount_invalid": _("Enter the amount in digits, such as {example}."),
        "amount_zero": _("Enter more than zero, or leave it empty for a full refund."),
        "amount_too_much": _("At most {left} can be refunded."),
        "reason_missing": _("Please choose a reason. Naver Pay requires one."),
        "holder_missing": _("Enter the name of the account holder."),
        "bank_missing": _("Choose the bank."),
        "account_missing": _("Enter the account number."),
        "tel_missing": _("Enter the account holder's telephone number."),
    }


def _answer_texts() -> dict[str, str]:
    return {
        "succeeded_title": _("Refunded"),
        "succeeded": _("{amount} has been refunded."),
        "pending_title": _("Your refund was accepted"),
        "pending": _("{amount} is on its way. The payment provider needs a little time; the order shows the result."),
        "busy_title": _("A refund is already in progress"),
        "busy": _("Please wait for its result, which the order will show. Nothing was refunded twice."),
        "conflict_title": _("This request was already sent"),
        "conflict": _("Your first request had other details. Please check the order before you request again."),
        "refused_title": _("The refund was refused"),
        "invalid_title": _("This order cannot be refunded this way"),
        "drifted_title": _("Part of this order was already refunded"),
        "drifted": _(
            "Nothing was refunded this time. {left} can still be refunded; please request it again if you want it back."
        ),
        "unavailable_title": _("The payment service cannot be reached"),
        "unavailable": _("Nothing was refunded. Please try again in a moment."),
        "unknown_title": _("Your refund is being checked"),
        "unknown": _(
            "We requested the refund of {amount} but got no clear answer. We are checking it; please do "
            "not request it again. The order will show the result."
        ),
        "no_answer_title": _("No connection"),
        "no_answer": _("The connection failed. You can safely try again: the money is never refunded twice."),
        "signed_out_title": _("You are signed out"),
        "signed_out": _("Nothing was refunded. Please sign in and request it again."),
        "forbidden_title": _("This page is out of date"),
        "forbidden": _("Nothing was refunded. Please reload the page and request it again."),
        "missing_title": _("We can no longer find this order"),
        "settled_succeeded": _("{goods}: {amount} has been refunded."),
        "settled_failed": _("{goods}: not refunded."),
    }


def why_not(code: str, sentence: str) -> str:
    """Return why an order cannot be refunded, in words for buyers: the rules' own address the shop's staff."""
    sentences = {
        "phone_next_month": _(
            "Mobile phone payments can only be refunded in the month of payment. Please contact us: we "
            "will refund you another way."
        ),
        "danal_vbank": _(
            "This virtual account cannot be refunded here. Please contact us: we will transfer the money ourselves."
        ),
    }
    return sentences.get(code, sentence)
