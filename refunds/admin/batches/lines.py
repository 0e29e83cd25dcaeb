"""The orders of a bulk refund on its page: a hundred at a time, all or those in one state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from django.http import QueryDict
from django.utils.safestring import SafeString

from core.admin.display import badge
from core.money import format_money
from refunds.admin.bulk_refund.views import confirmation_url
from refunds.batches.outcomes import LABELS, PAGE_SIZE, BatchCounts, BatchOutcome, State, lines_of
from refunds.batches.words import batch_path
from refunds.models import RefundApproval, RefundBatch
from refunds.services.account_holder import STRANGER

COLOURS: Mapping[State, str] = {
    State.REFUNDED: "green",
    State.PENDING: "blue",
    State.UNKNOWN: "amber",
    State.RUNNING: "blue",
    State.AWAITING: "amber",
    State.REFUSED: "red",
    State.SKIPPED: "amber",
    State.PROBLEM: "amber",
    State.WAITING: "grey",
}


def state_badge(state: State) -> SafeString:
    return badge(COLOURS[state], LABELS[state])


@dataclass(frozen=True, slots=True)
class Line:
    """One order for the template."""

    outcome: BatchOutcome

    @property
    def badge(self) -> SafeString:
        return state_badge(self.outcome.state)

    @property
    def amount(self) -> str:
        """The refunded amount, or else the requested one."""
        outcome, payment = self.outcome, self.outcome.payment
        if payment is None:
            return "–"
        if outcome.refund is not None:
            return format_money(outcome.refund.shown_amount, payment.currency)
        requested = payment.refundable_amount if outcome.requested is None else outcome.requested
        return format_money(requested, payment.currency)

    @property
    def approval(self) -> RefundApproval | None:
        """Return the request of an order whose own refund waits for a second person."""
        payment = self.outcome.payment
        if self.outcome.state is not State.AWAITING or payment is None:
            return None
        return payment.approvals.waiting().first()

    @property
    def account_url(self) -> str:
        """Return where the account of an order is confirmed: nothing was sent, as it is in doubt; "" for all others."""
        outcome, payment = self.outcome, self.outcome.payment
        if payment is None or outcome.refund or outcome.code not in STRANGER or not payment.refundable_amount:
            return ""
        return confirmation_url([payment.pk], next=batch_path(outcome.item.batch))


@dataclass(frozen=True, slots=True)
class Tab:
    """A filter: one state, or all. `query` leads to it."""

    state: str
    badge: SafeString | None  # None: all
    count: int
    query: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Lines:
    """One page of the orders, and the ways to the others."""

    lines: Sequence[Line]
    tabs: Sequence[Tab]
    first: int
    last: int
    total: int
    previous: str  # the queries of the pages before and after; "" if there is none
    next: str


def lines_shown(batch: RefundBatch, counts: BatchCounts, query: QueryDict) -> Lines:
    """Return the page that the query names: `state` and `page`. What it cannot mean counts as not given."""
    state = next((each for each in State if each.value == query.get("state") and counts.count(each)), None)
    total = counts.total if state is None else counts.count(state)
    wanted = query.get("page", "")
    pages = max(1, ceil(total / PAGE_SIZE))
    page = min(int(wanted), pages) if wanted.isdecimal() and len(wanted) < 7 and int(wanted) else 1
    lines = [Line(outcome) for outcome in lines_of(batch, state, page)]
    first = (page - 1) * PAGE_SIZE
    return Lines(
        lines=lines,
        tabs=_tabs(counts, state),
        first=first + 1,
        last=first + len(lines),
        total=total,
        previous=_query(state, page - 1) if page > 1 else "",
        next=_query(state, page + 1) if page < pages else "",
    )


def _tabs(counts: BatchCounts, chosen: State | None) -> list[Tab]:
    """Return all orders and each state that there is; nothing if all are in one state."""
    states = [state for state in State if counts.count(state)]
    if len(states) < 2:
        return []
    tabs = [Tab(each.value, state_badge(each), counts.count(each), _query(each), each is chosen) for each in states]
    return [Tab("", None, counts.total, _query(None), chosen is None), *tabs]


def _query(state: State | None, page: int = 1) -> str:
    query = QueryDict(mutable=True)
    if state is not None:
        query["state"] = state.value
    if page > 1:
        query["page"] = str(page)
    return f"?{query.urlencode()}#lines"
