"""The discrepancies on a report's page: each with its payment, and what the last repair of the payment did."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import format_money
from payments.models import Payment
from refunds.admin.reversal import reversal_url
from refunds.messages import taken_back_message
from refunds.models import Discrepancy
from refunds.permissions import payments_visible_to

# Advice to staff about a payment that a repair left different.
ADVICE = {
    "waiting": _(
        "It is checked again automatically. If it needs review, ask i'mport or the PG, then close it "
        "on the refund's page."
    ),
    "taken_back": _("Recorded refunds are never removed: a reversal is recorded beside them."),
    "unbookable": _("Nothing was changed. Ask the server administrator to look into it."),
    "unreachable": _(
        "Try again later. If this persists, ask the server administrator whether the i'mport API "
        "keys belong to the shop of this payment."
    ),
}
STILL_DIFFERENT = _("Still different. Compare the order in i'mport's console and contact i'mport.")


@dataclass(frozen=True, slots=True)
class Line:
    """One discrepancy. `payment` is None if it is not here or not for this user.

    A payment has its `note` once, and the address where a reversal can be accepted.
    """

    found: Discrepancy
    payment: Payment | None
    note: str
    reversal_url: str = ""


def lines(user: AbstractBaseUser | AnonymousUser, shown: Iterable[Discrepancy]) -> Iterator[Line]:
    """Yield the lines of these discrepancies for this user."""
    shown = list(shown)
    payments = payments_visible_to(user).filter(imp_uid__in={found.imp_uid for found in shown})
    known = {payment.imp_uid: payment for payment in payments}
    noted: set[str] = set()
    for found in shown:
        payment = known.get(found.imp_uid)
        if found.imp_uid in noted:
            yield Line(found, payment, "")
            continue
        noted.add(found.imp_uid)
        accept = reversal_url(user, payment, found.report_id) if payment and not found.repaired else ""
        yield Line(found, payment, _note(found, payment), accept)


def _note(found: Discrepancy, payment: Payment | None) -> str:
    """Return what the last repair of the payment did and what staff can do; "" if there is nothing to say."""
    outcome = found.repair_outcome
    if not outcome:
        return taken_back_message(payment) if payment and payment.taken_back and not found.repaired else ""
    parts: list[object] = []
    if found.repaired or outcome != "agrees":
        parts.append(found.repair_message)
    if outcome in ADVICE:
        parts.append(ADVICE[outcome])
    elif not found.repaired:
        parts.append(STILL_DIFFERENT)
    if payment is not None:
        sums = {
            "refunded": format_money(payment.cancel_amount, payment.currency),
            "amount": format_money(payment.amount, payment.currency),
        }
        parts.append(gettext("Recorded here: %(refunded)s of %(amount)s refunded.") % sums)
    return " ".join(map(str, parts))
