"""Find the payment that a number names."""

from collections.abc import Callable, Iterable
from math import inf

from django.db.models import QuerySet

from payments.errors import AmbiguousOrder, PaymentNotFound
from payments.intake.on_demand import look_up
from payments.models import Payment

# Reads the payments whose column, `imp_uid` or `merchant_uid`, has a value.
Read = Callable[[str, str], Iterable[Payment]]


def find_payment(*, payments: QuerySet[Payment], imp_uid: str = "", merchant_uid: str = "") -> Payment:
    """Return the payment with these numbers among `payments` (those that the caller may see), as `choose_payment`."""
    return choose_payment(
        read=lambda column, uid: payments.filter(**{column: uid}).order_by(), imp_uid=imp_uid, merchant_uid=merchant_uid
    )


def choose_payment(*, read: Read, imp_uid: str = "", merchant_uid: str = "") -> Payment:
    """Return the payment with these numbers, of those that `read` gives. `imp_uid` wins.

    Several payments can share a `merchant_uid`. Of these, the one with money left to refund counts; if there is none,
    the last one that was paid; if there is none, the last one. Raises `PaymentNotFound`, and `AmbiguousOrder` if
    several have money left.
    """
    if not (imp_uid or merchant_uid).isprintable():  # some databases refuse such characters
        raise PaymentNotFound(imp_uid or merchant_uid)
    if imp_uid:
        for payment in read("imp_uid", imp_uid):
            return payment
        raise PaymentNotFound(imp_uid)
    return payment_that_counts(read("merchant_uid", merchant_uid), merchant_uid=merchant_uid)


def payment_that_counts(payments: Iterable[Payment], *, merchant_uid: str) -> Payment:
    """Return the payment that counts of all of one `merchant_uid`, as `choose_payment` does, and raise what it does."""
    candidates = sorted(payments, key=_paid_last, reverse=True)
    if not candidates:
        raise PaymentNotFound(merchant_uid)
    with_money = [payment for payment in candidates if payment.refundable_amount > 0]
    if len(with_money) > 1:
        raise AmbiguousOrder(merchant_uid, [payment.imp_uid for payment in with_money])
    paid = [payment for payment in candidates if payment.was_paid]
    return (with_money or paid or candidates)[0]


def _paid_last(payment: Payment) -> tuple[float, int]:
    return payment.paid_at.timestamp() if payment.paid_at else -inf, payment.pk


def find_by_number(*, payments: QuerySet[Payment], number: str, ask_gateway: bool = False) -> Payment:
    """Return the payment with this `imp_uid`, else the one of this `merchant_uid` (see `find_payment`).

    With `ask_gateway` (never for buyers) i'mport is asked once for what is not here. Raises `PaymentNotFound`,
    `AmbiguousOrder`, `LookupUnavailable`.
    """
    try:
        return _find_here(payments, number)
    except PaymentNotFound:
        if ask_gateway and (look_up(imp_uid=number) or look_up(merchant_uid=number)):
            return _find_here(payments, number)
        raise


def _find_here(payments: QuerySet[Payment], number: str) -> Payment:
    try:
        return find_payment(payments=payments, imp_uid=number)
    except PaymentNotFound:
        return find_payment(payments=payments, merchant_uid=number)
