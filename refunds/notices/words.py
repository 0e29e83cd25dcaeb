"""Sentences for buyers, who know neither PGs nor ledgers: what became of a refund, and what to do next.

They follow from codes. The stored messages, i'mport's and the PG's, address the shop's staff.
"""

from datetime import date, timedelta

from django.utils import timezone
from django.utils.formats import date_format
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
    return str(_EXECUTED_LATE) if refund.executed_late else why_failed(refund)


def why_failed(refund: RefundRecord) -> str:
    """Return why a failed refund failed, and what the buyer can do."""
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
    arrival = usual_arrival(payment, cancelled_at=made_at, in_full=in_full)
    if refund.expected_by and arrival is not None and arrival.last != 0:
        return _("The money usually arrives by %(day)s.") % {"day": day_text(refund.expected_by)}
    return _when(arrival, payment)


def day_text(day: date) -> str:
    """Return a day without its year, such as December 3."""
    return date_format(day, "MONTH_DAY_FORMAT")


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
