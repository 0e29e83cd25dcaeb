"""Errors of payment lookups.

DomainError (core.errors)
 ├── PaymentNotFound        payment_not_found
 ├── LookupUnavailable      lookup_unavailable
 ├── AmbiguousOrder         several_payments
 └── refunds.errors.RefundError ...
"""

from core.errors import DomainError
from core.sentences import sentence as _


class PaymentNotFound(DomainError):
    """There is no payment of that number here, or it belongs to another user."""

    code = "payment_not_found"

    def __init__(self, uid: str) -> None:
        super().__init__(_("Payment “%(uid)s” was not found. Check the number.") % {"uid": uid[:60]})


class LookupUnavailable(DomainError):
    """The payment is not here yet, and i'mport could not be asked whether there is one. Nothing happened."""

    code = "lookup_unavailable"
    retryable = True

    def __init__(self, reason: str) -> None:
        text = _("This payment is not recorded here yet, and i'mport could not be asked: %(reason)s")
        super().__init__(text % {"reason": reason})


class AmbiguousOrder(DomainError):
    """Several paid payments share the `merchant_uid`: only `imp_uid` identifies one."""

    code = "several_payments"

    def __init__(self, merchant_uid: str, imp_uids: list[str]) -> None:
        super().__init__(
            _("Order “%(order)s” has several payments (%(payments)s). Choose one by its imp_uid.")
            % {"order": merchant_uid, "payments": ", ".join(imp_uids)}
        )
        self.imp_uids = imp_uids
