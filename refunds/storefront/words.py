"""Sentences for buyers, who know neither PGs nor ledgers: what became of a refund, and what to do next.

They follow from codes. The stored messages, i'mport's and the PG's, address the shop's staff.
"""

from datetime import timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.money import format_money
from payments.labels import method_label
from payments.models import Payment
from refunds.errors import RefundNotSent, RefundRefused
from refunds.models import RefundRecord, RefundStatus, RefusalClass
from refunds.policies import Arrival, usual_arrival

_BEING_CHECKED = _(
    "The refund may already be under way. We are checking it; please do not request it again, and contact us."
)
_LATER = _("Nothing was refunded. Please try again later, or contact us.")
_CONTACT = _("Nothing was refunded. Please contact us about this refund.")
REFUSED: dict[str, str | Promise] = {
    RefusalClass.ALREADY_CANCELLED.value: _BEING_CHECKED,
    RefusalClass.ALREADY_RUNNING.value: _BEING_CHECKED,
    RefusalClass.SETTLEMENT_SHORT.value: _LATER,
    RefusalClass.SHOP_LIMIT.value: _LATER,
    RefusalClass.PG_DOWN.value: _LATER,
    RefusalClass.PERIOD_OVER.value: _(
        "Nothing was refunded: the payment is too long ago to be refunded this way. Please contact us."
    ),
    RefusalClass.NOT_IN_PART.value: _(
        "Nothing was refunded: this payment cannot be refunded in part. Request the full amount, or contact us."
    ),
    RefusalClass.BUYER_CONFIRMED.value: _(
        "Nothing was refunded: the purchase is already confirmed. Please contact us."
    ),
    RefusalClass.ACCOUNT_WRONG.value: _(
        "Nothing was refunded: the bank did not accept this account. Check the holder, the bank and the number, then "
        "request again."
    ),
    RefusalClass.USE_PLAIN_CANCEL.value: _CONTACT,
    RefusalClass.RECEIPT_FIRST.value: _CONTACT,
    RefusalClass.NOT_ALLOWED.value: _CONTACT,
    RefusalClass.OTHER.value: _CONTACT,
}
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
_EXECUTED_LATE = _("This refund was executed after all; see the other line.")
_NOT_SENT = _("The payment service could not be reached. Nothing was refunded; please request it again.")
NOT_DONE = _("Nothing was refunded. Request it again if you still want it.")
_TAKEN_BACK = _("%(amount)s of this refund came back to us. Please contact us.")

ARRIVAL_SHOWN = timedelta(days=14)  # afterwards the money is there


def refund_note(refund: RefundRecord) -> str:
    """Return what a buyer has to know about this refund besides its state; "" for nothing."""
    if refund.reversed_amount:
        return _TAKEN_BACK % {"amount": format_money(refund.reversed_amount, refund.payment.currency)}
    if refund.status != RefundStatus.FAILED:
        return arrival_note(refund)
    if refund.executed_late:
        return str(_EXECUTED_LATE)
    if refund.error_code == RefundRefused.code:
        return str(REFUSED[refund.refusal_class or RefusalClass.OTHER])
    return str(_NOT_SENT if refund.error_code == RefundNotSent.code else NOT_DONE)


def arrival_note(refund: RefundRecord) -> str:
    """Return when the money of a refund that was made lately usually arrives; "" for all others."""
    now, payment = timezone.now(), refund.payment
    if refund.status == RefundStatus.PENDING:
        arrival = usual_arrival(payment, cancelled_at=now, in_full=refund.amount == payment.amount)
        if arrival is None:
            return str(_("The payment provider does not say how long it takes. This page shows when it is done."))
        return _("After the payment provider has carried it out: %(when)s") % {"when": _when(arrival, payment)}
    made_at = refund.cancelled_at or refund.settled_at
    if refund.status != RefundStatus.SUCCEEDED or made_at is None or now - made_at > ARRIVAL_SHOWN:
        return ""
    in_full = refund.cancelled_amount == payment.amount
    return _when(usual_arrival(payment, cancelled_at=made_at, in_full=in_full), payment)


def _when(arrival: Arrival | None, payment: Payment) -> str:
    if arrival is None:
        method = {"method": method_label(payment.pay_method)}
        return _("When the money arrives depends on how you paid with %(method)s.") % method
    if arrival.on_thursday:
        return str(
            _("The money is usually paid on a Thursday: for refunds up to Tuesday in the same week, else a week later.")
        )
    if arrival.last is None:
        days = {"days": arrival.first}
        return _("The account is checked by hand: the money usually takes %(days)d business days or more.") % days
    if arrival.last == 0:
        by_phone = payment.pay_method == "phone"
        same_day = _("The money is usually back the same day.")
        return str(_("Your mobile phone bill will not include this amount.") if by_phone else same_day)
    if arrival.last == 1:
        return str(_("The money usually arrives by the next business day."))
    days = {"first": arrival.first, "last": arrival.last}
    return _("The money usually arrives within %(first)d to %(last)d business days.") % days


def payment_failed(reason: str) -> str:
    """Return that a payment failed, and why, if the PG's text says something that is known."""
    squeezed = "".join(reason.split())
    known = next((words for text, words in _FAILED_PAYMENTS.items() if text in squeezed), None)
    if known is None:
        return str(_("The payment failed. Please order again, or contact us."))
    return _("The payment failed (%(reason)s).") % {"reason": known}
