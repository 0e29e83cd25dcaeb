"""The admin's overview: what waits for somebody, and the figures of a period."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, Min
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.admin.display import since
from payments.models import Payment
from refunds.admin.approval_badges import age, list_url
from refunds.admin.drift.reports import result_badge
from refunds.admin.overview.breakdown import breakdowns
from refunds.admin.overview.chart import charts_of
from refunds.admin.overview.figures import Figures, figures_of, totals_of
from refunds.admin.overview.links import ended_url, ledger_url
from refunds.admin.overview.period import Choice, Period, PeriodForm, period_of, preset
from refunds.admin.overview.tiles import tiles_of
from refunds.admin.worker import no_worker_text
from refunds.ledger import late_refunds
from refunds.models import (
    STARTED,
    BatchStatus,
    ReconciliationReport,
    RefundApproval,
    RefundBatch,
    RefundRecord,
    RefundStatus,
)
from refunds.permissions import (
    may_approve,
    may_resolve,
    may_view_approvals,
    may_view_payments,
    may_view_refunds,
    may_view_reports,
)

LINES = 6
FAILED_DAYS = 7


@dataclass(frozen=True, slots=True)
class Card:
    """Count what waits, with a link to it. `tone` is the colour if it needs attention, `oldest` since when."""

    code: str
    title: str
    figure: str | SafeString
    note: str
    url: str
    tone: str = ""
    oldest: datetime | None = None

    @property
    def age(self) -> str:
        return _("Oldest: %(time)s ago") % {"time": age(self.oldest)} if self.oldest else ""


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the figures on the page depend on."""

    period: Period
    now: Figures
    before: Figures
    language: str
    lists_payments: bool
    has_persons: bool


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the overview to the context for staff who may see refunds; others get the plain list of sections."""
    user = request.user
    if not may_view_refunds(user):
        return context
    period = period_of(request)
    refunds = RefundRecord.objects.select_related("payment")
    return {
        **context,
        "title": _("Overview"),
        "worker_warning": no_worker_text(),
        "cards": [*_waiting_cards(user), *_drift_cards(user)],
        "period": period,
        "figures": _figures(user, period),
        "newest": refunds[:LINES],
        "oldest": refunds.live().order_by("requested_at")[:LINES],
        "ledger_url": ledger_url(),
        "open_url": ledger_url(status="open"),
    }


def _figures(user: AbstractBaseUser | AnonymousUser, period: Period) -> SafeString:
    """Return what the page shows of the period."""
    return _rendered(
        Shown(
            period,
            now=figures_of(period),
            before=totals_of(period.before),
            language=get_language() or "",
            lists_payments=may_view_payments(user),
            has_persons=may_view_reports(user),
        )
    )


# Kept in this process alone: whoever can write to the cache must not be able to write pages.
@lru_cache(maxsize=16)
def _rendered(shown: Shown) -> SafeString:
    """Return the figures as HTML; it takes longer than all the rest of the page."""
    period, now = shown.period, shown.now
    choices = [choice for choice in Choice if choice != Choice.OWN]
    context = {
        "period": period,
        "periods": [(choice.label, preset(choice).address, choice == period.choice) for choice in choices],
        "period_form": PeriodForm(initial={"from": period.first, "to": period.last}),
        "as_of": now.at,
        "tiles": tiles_of(period, now, shown.before, may_list_payments=shown.lists_payments),
        "charts": charts_of(now, period),
        "breakdowns": breakdowns(now, period, with_persons=shown.has_persons),
        "figures_url": f"{reverse('admin:refunds_refundrecord_figures')}?{period.address}",
    }
    return render_to_string("admin/refunds/figures.html", context)


def _waiting_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    """Return the cards of what waits, the oldest first, then those that nobody has to care for."""
    by_user = (*_approval_cards(user), *_taken_back_cards(user), *_batch_cards(user))
    cards = [*by_user, *_open_cards(), *_late_cards(), *_failed_cards()]
    longest = timezone.now()
    return sorted(cards, key=lambda card: (not card.tone, card.oldest or longest))


def _open_cards() -> list[Card]:
    real = RefundRecord.objects.real().order_by()
    waiting, unknown = RefundStatus.PENDING, RefundStatus.UNKNOWN
    count, oldest = Count("pk"), Min("requested_at")
    by_status = real.live().values_list("status").annotate(count=count, oldest=oldest)
    found = {status: (number, since) for status, number, since in by_status}
    review = real.needing_review().aggregate(count=count, oldest=oldest)
    rows = (
        ("review", _("Needs attention"), (review["count"], review["oldest"]), _("Need review"), {"review": "needed"}),
        ("unknown", unknown.label, found.get(unknown), _("Being compared with i'mport"), {"status": "unknown"}),
        ("pending", waiting.label, found.get(waiting), _("Accepted, not completed yet"), {"status": "pending"}),
    )
    cards = []
    for code, title, counted, note, query in rows:
        number, since = counted or (0, None)
        tone = "amber" if number and code != "pending" else ""
        url, words = ledger_url(**query, test="no"), note if number else _("None")
        cards.append(Card(code, str(title), f"{number:,}", words, url, tone, since))
    return cards


def _late_cards() -> list[Card]:
    """Return the card of the refunds whose money is late, if there are any."""
    found = late_refunds(RefundRecord.objects.real().order_by()).aggregate(
        count=Count("pk"), oldest=Min("requested_at")
    )
    if not found["count"]:
        return []
    url, note = ledger_url(arrival="late", test="no"), _("The PG or the bank takes too long")
    return [Card("late", _("Late"), f"{found['count']:,}", note, url, "amber", found["oldest"])]


def _failed_cards() -> list[Card]:
    """Return the card of the refunds that failed lately, if there are any; a later try may have succeeded."""
    today = timezone.localdate()
    week = preset(Choice.WEEK)
    failed = RefundRecord.objects.real().order_by().failed_between(week.start, None)
    found = failed.aggregate(count=Count("pk"), oldest=Min("settled_at"))
    url = ended_url(RefundStatus.FAILED, week.first, today)
    note = _("In %(days)s days") % {"days": FAILED_DAYS}
    tone = "red" if found["count"] else ""
    return [Card("failed", str(RefundStatus.FAILED.label), f"{found['count']:,}", note, url, tone, found["oldest"])]


def _approval_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    """Return the cards of the requests that this user may decide, and of those that others have to decide."""
    waiting = RefundApproval.objects.waiting().filter(expires_at__gt=timezone.now()).order_by("requested_at")
    by_user = list(waiting.values_list("requested_by", "requested_at")) if may_view_approvals(user) else []
    ours = [at for who, at in by_user if may_approve(user) and who != user.pk]
    others = [at for who, at in by_user if not may_approve(user) or who == user.pk]
    return [
        Card(code, title, str(len(times)), "", list_url(status="waiting"), tone, times[0])
        for code, title, times, tone in (
            ("to_approve", _("Waiting for your approval"), ours, "amber"),
            ("awaiting", _("Waiting for approval by others"), others, ""),
        )
        if times
    ]


def _taken_back_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    """Return the card of the payments for which i'mport shows less refunded than we do, if there are any."""
    payments = Payment.objects.real().taken_back() if may_view_payments(user) else Payment.objects.none()
    found = payments.order_by().aggregate(count=Count("pk"), oldest=Min("taken_back_seen_at"))
    if not found["count"]:
        return []
    url = reverse("admin:payments_payment_changelist", query={"refund": "taken_back", "test": "no"})
    title, note = _("Taken back at i'mport"), _("Less refunded there than recorded here")
    return [Card("taken_back", title, f"{found['count']:,}", note, url, "amber", found["oldest"])]


def _batch_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    """Return the card of the bulk refunds that have not ended, if there are any."""
    started = RefundBatch.objects.filter(status__in=STARTED) if may_view_payments(user) else RefundBatch.objects.none()
    found = list(started.values_list("status", "started_at"))
    if not found:
        return []
    paused = [at for status, at in found if status == BatchStatus.PAUSED]
    note = _("%(count)s paused: resume or stop it") % {"count": len(paused)} if paused else _("Running")
    url = reverse("admin:refunds_refundbatch_changelist", query={"status": "open"})
    oldest = min(filter(None, paused), default=None)
    return [Card("batches", _("Bulk refunds"), str(len(found)), note, url, "amber" if paused else "", oldest)]


def _drift_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    if not may_view_reports(user):
        return []
    report, title = ReconciliationReport.objects.first(), _("Compared with i'mport")
    if report is None:
        compare = "compare_now" if may_resolve(user) else "changelist"
        url = reverse(f"admin:refunds_reconciliationreport_{compare}")
        return [Card("drift", title, "–", _("Not compared yet"), url)]
    url = reverse("admin:refunds_reconciliationreport_change", args=[report.pk])
    return [Card("drift", title, result_badge(report), since(report.started_at), url)]
