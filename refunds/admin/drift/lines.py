"""The payments on a report's page: how each differs, and what the last repair of it did."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Case, Min, When
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin.display import badge
from core.money import format_money
from payments.models import Payment
from refunds.admin.reversal import reversal_url
from refunds.messages import taken_back_message
from refunds.models import Discrepancy, DiscrepancyKind, ReconciliationReport, Refunded, RefundRecord
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
# By `Line.state`.
STATES = {
    "repaired": ("green", _("Repaired")),
    "repairing": ("blue", _("Repairing…")),
    "unresolved": ("amber", _("Unresolved")),
    "waiting": ("blue", _("Waiting for the PG")),
}


def with_sign(refunded: Refunded) -> str:
    """Return how much more (+) or less (-) i'mport shows refunded."""
    plus = "+" if refunded.difference > 0 else ""
    return f"{plus}{format_money(refunded.difference, refunded.currency)}"


@dataclass(frozen=True, slots=True)
class Line:
    """One payment with all its discrepancies. `payment` is None if it is not here or not for this user."""

    found: tuple[Discrepancy, ...]
    payment: Payment | None = None
    note: str = ""
    reversal_url: str = ""

    @property
    def first(self) -> Discrepancy:
        return self.found[0]

    @property
    def refunded(self) -> Refunded:
        return self.first.refunded

    @property
    def difference(self) -> str:
        return with_sign(self.refunded) if self.refunded.difference else "–"

    @property
    def state(self) -> str:
        left = [one for one in self.found if not one.repaired]
        if all(one.is_waiting for one in left):
            return "waiting" if left else "repaired"
        return "repairing" if any(one.repair_requested_at for one in self.found) else "unresolved"

    @property
    def badge(self) -> SafeString:
        return badge(*STATES[self.state])

    @property
    def may_be_repaired(self) -> bool:
        """Return whether a repair can do something: not if only a person can, as for what was taken back."""
        is_known = self.payment is not None and self.payment.taken_back
        return self.state == "unresolved" and not is_known and any(one.is_repairable for one in self.found)


def payments_that_differ(report: ReconciliationReport, most: int) -> list[list[Discrepancy]]:
    """Return the discrepancies of at most so many payments, by payment: first of all the unresolved ones."""
    differing = report.discrepancies.filter(is_waiting=False)
    resolved = Min(Case(When(repaired=False, then=0), default=1))
    numbers = list(
        differing.values("imp_uid")
        .annotate(resolved=resolved, place=Min("pk"))
        .order_by("resolved", "place")
        .values_list("imp_uid", flat=True)[:most]
    )
    found: dict[str, list[Discrepancy]] = {number: [] for number in numbers}
    for one in differing.filter(imp_uid__in=numbers).order_by("pk"):
        found[one.imp_uid].append(one)
    return list(found.values())


def all_that_differ(report: ReconciliationReport) -> Iterator[list[Discrepancy]]:
    """Yield the discrepancies of a report by payment: those of one payment were stored together."""
    for _imp_uid, found in groupby(report.discrepancies.all(), key=lambda one: one.imp_uid):
        yield list(found)


def lines(user: AbstractBaseUser | AnonymousUser, shown: Iterable[list[Discrepancy]]) -> Iterator[Line]:
    """Yield the lines of these payments for this user."""
    shown = list(shown)
    payments = payments_visible_to(user).filter(imp_uid__in=[found[0].imp_uid for found in shown])
    known = {payment.imp_uid: payment for payment in payments}
    for found in shown:
        line = Line(tuple(found), known.get(found[0].imp_uid))
        payment, is_left = line.payment, line.state != "repaired"
        accept = reversal_url(user, payment, line.first.report_id) if payment and is_left else ""
        yield Line(line.found, payment, _note(line), accept)


def waiting_refunds(user: AbstractBaseUser | AnonymousUser, report: ReconciliationReport) -> list[RefundRecord]:
    """Return the refunds that waited for the PG when the report was made, as they are now."""
    numbers = report.waiting.values("ours")
    visible = payments_visible_to(user)
    return list(RefundRecord.objects.filter(number__in=numbers, payment__in=visible).select_related("payment"))


def _note(line: Line) -> str:
    """Return what the last repair of the payment did and what staff can do; "" if there is nothing to say."""
    payment, is_left = line.payment, line.state != "repaired"
    outcome = line.first.repair_outcome
    if not outcome:
        if payment and payment.taken_back and is_left:
            return taken_back_message(payment)
        is_missing = any(one.kind == DiscrepancyKind.MISSING_THERE for one in line.found)
        return str(ADVICE["unreachable"]) if is_missing and is_left else ""
    parts: list[object] = []
    if not is_left or outcome != "agrees":
        parts.append(line.first.repair_message)
    if outcome in ADVICE:
        parts.append(ADVICE[outcome])
    elif is_left:
        parts.append(STILL_DIFFERENT)
    if payment is not None:
        sums = {
            "refunded": format_money(payment.cancel_amount, payment.currency),
            "amount": format_money(payment.amount, payment.currency),
        }
        parts.append(gettext("Recorded here: %(refunded)s of %(amount)s refunded.") % sums)
    return " ".join(map(str, parts))
