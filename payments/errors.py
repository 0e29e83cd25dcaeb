"""Errors of looking payments up.

DomainError                 base of every error our own rules raise
 ├── PaymentNotFound        payment_not_found
 ├── AmbiguousOrder         several_payments
 └── refunds.errors.RefundError ...
"""

from typing import ClassVar

from django.utils.translation import gettext as _


class DomainError(Exception):
    """Base of every error our own rules raise.

    `code` is a stable word that programs may branch on; `message` is a sentence for people, in the active
    language, that says what to do next; `retryable` says whether the same request may succeed later as it is.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PaymentNotFound(DomainError):
    """No payment of that number is known here (or it belongs to someone else)."""

    code = "payment_not_found"

    def __init__(self, uid: str) -> None:
        super().__init__(_("Payment “%(uid)s” was not found. Check the number.") % {"uid": uid[:60]})


class AmbiguousOrder(DomainError):
    """Several paid payments share the `merchant_uid`: only `imp_uid` can tell them apart."""

    code = "several_payments"

    def __init__(self, merchant_uid: str, imp_uids: list[str]) -> None:
        super().__init__(
            _("Order “%(order)s” has several payments (%(payments)s). Choose one by its imp_uid.")
            % {"order": merchant_uid, "payments": ", ".join(imp_uids)}
        )
        self.imp_uids = imp_uids
