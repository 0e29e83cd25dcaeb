"""The page of a bulk refund that was started: its progress, and when it has ended, the closing report."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.admin.returning import list_behind, next_of
from core.claims import Progress, progress_of
from core.money import KRW, format_money, format_totals
from refunds.admin.approval_badges import approvals_of_orders
from refunds.admin.batches.lines import Lines, lines_shown, state_badge
from refunds.admin.batches.timeline import batch_timeline
from refunds.admin.worker import delay_text
from refunds.batches.outcomes import BatchCounts, State, counts_of, lines_of
from refunds.batches.report import may_have_problem_sheet
from refunds.batches.retry import ENDED, RETRIED, retry_of
from refunds.batches.words import pause_text
from refunds.messages import next_step_of
from refunds.models import STARTED, BatchStatus, RefundBatch
from refunds.permissions import may_refund_any, may_view_approvals

IN_WORDS: Mapping[State, str | Promise] = {
    State.REFUNDED: gettext_lazy("%(count)s refunded"),
    State.UNKNOWN: gettext_lazy("%(count)s with outcome unknown"),
    State.PENDING: gettext_lazy("%(count)s waiting for the PG"),
    State.RUNNING: gettext_lazy("%(count)s in progress"),
    State.AWAITING: gettext_lazy("%(count)s waiting for approval"),
    State.REFUSED: gettext_lazy("%(count)s failed"),
    State.SKIPPED: gettext_lazy("%(count)s skipped"),
}
OPEN = (State.PENDING, State.UNKNOWN, State.RUNNING)
CHECKED_AT_ONCE = 50  # payments that "Check with i'mport" reads
HOUR, MINUTE = 3600, 60


@dataclass(frozen=True, slots=True)
class Watch:
    """Hold what the page shows of a batch at this moment."""

    batch: RefundBatch
    counts: BatchCounts
    progress: Progress
    lines: Lines

    @property
    def is_finished(self) -> bool:
        """Return whether no more orders are begun."""
        return self.batch.status not in STARTED

    @property
    def is_settled(self) -> bool:
        """Return whether every order has its final outcome, which may come long after the batch has ended."""
        return self.is_finished and self.counts.is_settled

    @property
    def seconds(self) -> int:
        """Return how often the page asks for news at first."""
        return 1 if self.batch.status == BatchStatus.RUNNING else 10

    @property
    def requested(self) -> int:
        return self.counts.to_refund - self.counts.count(State.WAITING)

    @property
    def in_words(self) -> str:
        found = {state: self.counts.count(state) for state in IN_WORDS}
        return ", ".join(str(text) % {"count": f"{found[state]:,}"} for state, text in IN_WORDS.items() if found[state])

    @property
    def states(self) -> list[tuple[str, SafeString, int]]:
        return [(state.value, state_badge(state), count) for state in State if (count := self.counts.count(state))]

    @property
    def moved(self) -> str:
        """Return the money that was refunded and not taken back, without test payments."""
        requested = {currency for figure in self.counts.figures.values() for currency in figure.sums}
        nothing = [format_money(Decimal(0), currency) for currency in sorted(requested) or [KRW]]
        return " + ".join(_formatted(self.counts.moved) or nothing)

    @property
    def waiting(self) -> str:
        """Return the money of the orders whose turn has not come."""
        return " + ".join(_formatted(self.counts.figures[State.WAITING].sums))

    @property
    def speed(self) -> str:
        speed = self.counts.per_second
        return "" if speed is None else _("%(count)s per second") % {"count": f"{speed:.1f}"}

    @property
    def time_left(self) -> str:
        return "" if self.counts.seconds_left is None else duration(self.counts.seconds_left)


def _formatted(sums: Mapping[str, Any]) -> list[str]:
    return format_totals((amount, currency) for currency, amount in sums.items() if amount)


def duration(seconds: int) -> str:
    """Return a time to wait in words: seconds below a minute, minutes below an hour, else hours and minutes."""
    if seconds < MINUTE:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    minutes = round(seconds / MINUTE)
    if seconds < HOUR:
        return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}
    return _("%(hours)s h %(minutes)s min") % {"hours": minutes // 60, "minutes": minutes % 60}


def watch_facts(request: HttpRequest, batch: RefundBatch) -> dict[str, Any]:
    """Return what the template of a started batch shows."""
    counts = counts_of(batch)
    progress = progress_of(batch.active_at, is_finished=batch.status not in STARTED)
    watch = Watch(batch, counts, progress, lines_shown(batch, counts, request.GET))
    is_running = batch.status == BatchStatus.RUNNING
    may_refund = may_refund_any(request.user)
    return {
        "batch": batch,
        "watch": watch,
        "progress": progress.value if is_running else "",
        "no_worker": delay_text(progress, batch.started_at or batch.created_at) if is_running else "",
        "pause": _pause(batch),
        "awaiting": approvals_of_orders(batch) if counts.count(State.AWAITING) else [],
        "may_view_approvals": may_view_approvals(request.user),
        "timeline": batch_timeline(batch),
        "may_refund": may_refund,
        "to_check": _to_check(batch, counts) if may_refund and watch.is_finished else "",
        "retry": retry_of(batch),
        "may_retry": may_refund and batch.status in ENDED and counts.count(*RETRIED),
        "back": list_behind(next_of(request), reverse("admin:payments_payment_changelist")),
        "has_problem_sheet": may_have_problem_sheet(request.user, batch),
    }


def _pause(batch: RefundBatch) -> dict[str, str]:
    """Return who or what paused the batch, and what to do next; empty if it is not paused."""
    if batch.status != BatchStatus.PAUSED:
        return {}
    text = pause_text(batch)
    event = batch.events.filter(code="paused").order_by("-at", "-pk").first()
    if not text:
        text = _("%(who)s paused it. No more orders are refunded until it is resumed.") % {
            "who": event.actor if event else batch.requested_by_name
        }
    return {"code": batch.pause_code, "text": text, "next": _next_step(batch, event.data if event else {})}


def _next_step(batch: RefundBatch, data: Mapping[str, Any]) -> str:
    """Return what to do about the class of refusals that paused the batch."""
    if not data.get("refusal"):
        return ""
    refused = batch.items.filter(refund__refusal_class=data["refusal"]).exclude(refund__refusal_step="")
    item = refused.select_related("refund").order_by("-done_at").first()
    return next_step_of(item.refund) if item and item.refund else ""


def _to_check(batch: RefundBatch, counts: BatchCounts) -> str:
    """Return the ids of payments with an open refund, joined by commas."""
    ids = [str(outcome.item.payment_id) for state in OPEN if counts.count(state) for outcome in lines_of(batch, state)]
    return ",".join(ids[:CHECKED_AT_ONCE])
