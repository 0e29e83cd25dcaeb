"""Sentences for buyers, who know neither PGs nor ledgers: why nothing can be refunded, why a payment failed.

Those about a refund are in `refunds.notices.words`. All follow from codes: the stored messages, i'mport's and the PG's,
address the shop's staff.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_ELSEWHERE = _("This payment cannot be refunded here. Please contact us: we will refund you another way.")
_ONLY_IN_FULL = _("This payment can only be refunded in full.")
# Broken rules, by their codes: the rules' own sentences address the shop's staff.
FORBIDDEN: dict[str, str | Promise] = {
    "phone_next_month": _(
        "Mobile phone payments can only be refunded in the month of payment. Please contact us: we "
        "will refund you another way."
    ),
    "danal_vbank": _(
        "This virtual account cannot be refunded here. Please contact us: we will transfer the money ourselves."
    ),
    "test_payment": _("This is a test payment: no money was paid, so there is nothing to refund."),
    "payment_pending": _("This payment is still being processed. Please try again later."),
    "status_unknown": _("This payment is still being processed. Please try again later."),
    "not_paid": _("This order has not been paid yet, so there is nothing to refund."),
    **dict.fromkeys(
        (
            "currency_not_supported",
            "naver_order",
            "convenience_store",
            "ksnet_too_late",
            "ksnet_partial_limit",
        ),
        _ELSEWHERE,
    ),
    **dict.fromkeys(("phone_partial", "gift_certificate_partial", "escrow_partial"), _ONLY_IN_FULL),
    "ksnet_night": _("Virtual accounts cannot be refunded between 23:00 and 06:00. Please try again after 06:00."),
    "bank_unknown": _("Choose the bank."),
    "bank_not_listed": _("We cannot transfer the refund to this bank. Choose an account at another bank."),
    "account_required": _("Enter the account holder, the bank and the account number."),
    "account_invalid": _("Enter the whole account number: 6 to 20 digits."),
    "account_is_virtual": _("You paid into this virtual account. Enter a bank account of your own."),
    "tel_required": _("Enter the account holder's telephone number."),
    "account_in_reason": _("Take the account number out of the reason."),
    "reason_required": _("Please choose a reason. Naver Pay requires one."),
}
# Phrases of PGs about a failed payment, in any spelling, and their meaning.
_FAILED_PAYMENTS: dict[str, str | Promise] = {
    "한도초과": _("limit exceeded"),
    "잔액부족": _("balance too low"),
    "잔고부족": _("balance too low"),
    "유효기간": _("card expired"),
    "비밀번호": _("wrong password"),
    "사용자취소": _("cancelled by you"),
    "사용자가결제를취소": _("cancelled by you"),
    "결제를취소하셨": _("cancelled by you"),
}


def payment_failed(reason: str) -> str:
    """Return that a payment failed, and why, if the PG's text says something that is known."""
    squeezed = "".join(reason.split())
    known = next((words for text, words in _FAILED_PAYMENTS.items() if text in squeezed), None)
    if known is None:
        return str(_("The payment failed. Please order again, or contact us."))
    return _("The payment failed (%(reason)s).") % {"reason": known}
