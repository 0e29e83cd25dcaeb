"""Sentences for buyers, who know neither PGs nor ledgers: what became of a refund, and what to do next.

They follow from codes. The stored messages, i'mport's and the PG's, address the shop's staff.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.money import format_money
from refunds.errors import RefundNotSent, RefundRefused
from refunds.models import RefundRecord, RefundStatus, RefusalClass

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
_NOT_DONE = _("Nothing was refunded. Request it again if you still want it.")
_TAKEN_BACK = _("%(amount)s of this refund came back to us. Please contact us.")


def refund_note(refund: RefundRecord) -> str:
    """Return what a buyer has to know about this refund besides its state; "" for nothing."""
    if refund.reversed_amount:
        return _TAKEN_BACK % {"amount": format_money(refund.reversed_amount, refund.payment.currency)}
    if refund.status != RefundStatus.FAILED:
        return ""
    if refund.executed_late:
        return str(_EXECUTED_LATE)
    if refund.error_code == RefundRefused.code:
        return str(REFUSED[refund.refusal_class or RefusalClass.OTHER])
    return str(_NOT_SENT if refund.error_code == RefundNotSent.code else _NOT_DONE)
