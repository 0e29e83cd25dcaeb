"""The result page of a batch of refunds: one line per order, and what they add up to."""

from collections import Counter
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin.display import badge
from core.claims import Progress
from core.money import format_money, format_totals
from refunds.batches.outcomes import LABELS, BatchOutcome, State

IN_WORDS = {
    State.REFUNDED: _("%(count)s refunded"),
    State.UNKNOWN: _("%(count)s being checked"),
    State.PENDING: _("%(count)s waiting for the PG"),
    State.RUNNING: _("%(count)s in progress"),
    State.REFUSED: _("%(count)s failed"),
    State.SKIPPED: _("%(count)s skipped"),
    State.PROBLEM: _("%(count)s with a problem"),
}
BADGES = {
    State.REFUNDED: ("green", _("Refunded")),
    State.PENDING: ("blue", _("Accepted, waiting for the PG")),
    State.UNKNOWN: ("amber", _("Outcome unknown, being checked")),
    State.RUNNING: ("blue", _("In progress")),
    State.REFUSED: ("red", _("Refund failed")),
    State.SKIPPED: ("amber", LABELS[State.SKIPPED]),
    State.PROBLEM: ("amber", LABELS[State.PROBLEM]),
    State.WAITING: ("grey", _("Waiting")),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One order for the template."""

    outcome: BatchOutcome

    @property
    def badge(self) -> SafeString:
        return badge(*BADGES[self.outcome.state])

    @property
    def amount(self) -> str:
        """The refunded amount, or else the confirmed one."""
        outcome, payment = self.outcome, self.outcome.payment
        if payment is None:
            return "–"
        if outcome.refund is not None:
            return format_money(outcome.refund.shown_amount, payment.currency)
        requested = payment.refundable_amount if outcome.requested is None else outcome.requested
        return format_money(requested, payment.currency)


class Results:
    """All orders of a batch."""

    def __init__(self, outcomes: list[BatchOutcome], progress: Progress) -> None:
        self.outcomes = outcomes
        self.progress = progress.value

    @property
    def is_finished(self) -> bool:
        return self.progress == Progress.FINISHED.value

    @property
    def total(self) -> int:
        return len(self.outcomes)

    @property
    def is_settled(self) -> bool:
        """Return whether every order has its final outcome, which may come long after the batch has finished."""
        return self.is_finished and not self.to_check

    @property
    def requested(self) -> int:
        """The number of orders whose turn has come, also those that were rejected here."""
        return sum(outcome.state is not State.WAITING for outcome in self.outcomes)

    @property
    def in_words(self) -> str:
        """Return the number of orders with each outcome so far, in words."""
        found = Counter(outcome.state for outcome in self.outcomes)
        return ", ".join(str(text) % {"count": found[state]} for state, text in IN_WORDS.items() if found[state])

    @property
    def lines(self) -> list[Line]:
        return [Line(outcome) for outcome in self.outcomes]

    @property
    def refunded(self) -> list[str]:
        """The refunded total per currency, without test payments."""
        refunds = [one.refund for one in self.outcomes if one.state is State.REFUNDED and one.refund]
        real = [refund for refund in refunds if not refund.payment.sandbox]
        return format_totals((refund.net_amount, refund.payment.currency) for refund in real)

    @property
    def counts(self) -> list[tuple[str, SafeString, int]]:
        """The number of orders in each state, in the order of `State`."""
        found = Counter(outcome.state for outcome in self.outcomes)
        return [(state.value, badge(*BADGES[state]), found[state]) for state in State if found[state]]

    @property
    def to_check(self) -> str:
        """The ids of payments to check with i'mport, joined by commas."""
        waiting = (State.PENDING, State.UNKNOWN, State.RUNNING)
        return ",".join(str(outcome.item.payment_id) for outcome in self.outcomes if outcome.state in waiting)
