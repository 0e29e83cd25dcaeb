"""The admin's overview: open refunds, refunded totals, and the latest comparison with i'mport."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core.admin.display import since
from payments.models import Payment
from refunds.admin.approval_badges import age, list_url
from refunds.admin.chart import (
    Day,
    chart_of,
    count_text,
    ledger_url,
    midnight,
    refunded_since,
    refunded_url,
    totals_text,
)
from refunds.admin.drift.reports import result_badge
from refunds.admin.worker import no_worker_text
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

DAYS = 30
LINES = 6
FAILED_DAYS = 7


@dataclass(frozen=True, slots=True)
class Card:
    """One figure with a link to what it counts. `tone` is the colour if it needs attention."""

    code: str
    title: str
    figure: str | SafeString
    note: str
    url: str
    tone: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the overview to the context for staff who may see refunds; others get the plain list of sections."""
    user = request.user
    if not may_view_refunds(user):
        return context
    today = timezone.localdate()
    days = refunded_since(today - timedelta(days=DAYS - 1))
    refunds = RefundRecord.objects.select_related("payment")
    return {
        **context,
        "title": _("Overview"),
        "worker_warning": no_worker_text(),
        "cards": [
            *_approval_cards(user),
            *_taken_back_cards(user),
            *_batch_cards(user),
            *_open_cards(),
            _failed_card(today),
            *_refunded_cards(days, today),
            *_drift_cards(user),
        ],
        "chart": chart_of(days, today, DAYS),
        "newest": refunds[:LINES],
        "oldest": refunds.live().order_by("requested_at")[:LINES],
        "ledger_url": ledger_url(),
        "open_url": ledger_url(status="open"),
    }


def _open_cards() -> list[Card]:
    review = RefundRecord.objects.real().needing_review().count()
    unknown, pending = Q(status=RefundStatus.UNKNOWN), Q(status=RefundStatus.PENDING)
    live = RefundRecord.objects.real().live().order_by()
    counts = live.aggregate(unknown=Count("pk", filter=unknown), pending=Count("pk", filter=pending))
    rows = (
        ("review", _("Needs attention"), review, _("Need review"), {"review": "needed"}),
        (
            "unknown",
            RefundStatus.UNKNOWN.label,
            counts["unknown"],
            _("Being compared with i'mport"),
            {"status": "unknown"},
        ),
        (
            "pending",
            RefundStatus.PENDING.label,
            counts["pending"],
            _("Accepted, not completed yet"),
            {"status": "pending"},
        ),
    )
    return [
        Card(
            code,
            str(title),
            str(count),
            note if count else _("None"),
            ledger_url(**query, test="no"),
            "amber" if count and code != "pending" else "",
        )
        for code, title, count, note, query in rows
    ]


def _failed_card(today: date) -> Card:
    """Return the card of the refunds that failed lately; a later one of the same order may have succeeded."""
    first = today - timedelta(days=FAILED_DAYS - 1)
    count = RefundRecord.objects.real().filter(status=RefundStatus.FAILED, requested_at__gte=midnight(first)).count()
    url = ledger_url(status=RefundStatus.FAILED, requested_at_from=str(first), test="no")
    note = _("In %(days)s days") % {"days": FAILED_DAYS}
    return Card("failed", str(RefundStatus.FAILED.label), str(count), note, url, "red" if count else "")


def _approval_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    """Return the cards of the requests that this user may decide, and of those that others have to decide."""
    waiting = RefundApproval.objects.waiting().filter(expires_at__gt=timezone.now()).order_by("requested_at")
    by_user = list(waiting.values_list("requested_by", "requested_at")) if may_view_approvals(user) else []
    ours = [at for who, at in by_user if may_approve(user) and who != user.pk]
    others = [at for who, at in by_user if not may_approve(user) or who == user.pk]
    return [
        Card(
            code,
            title,
            str(len(times)),
            _("Oldest: %(time)s ago") % {"time": age(times[0])},
            list_url(status="waiting"),
            tone,
        )
        for code, title, times, tone in (
            ("to_approve", _("Waiting for your approval"), ours, "amber"),
            ("awaiting", _("Waiting for approval by others"), others, ""),
        )
        if times
    ]


def _taken_back_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    """Return the card of the payments for which i'mport shows less refunded than we do, if there are any."""
    count = Payment.objects.real().taken_back().count() if may_view_payments(user) else 0
    if not count:
        return []
    url = reverse("admin:payments_payment_changelist", query={"refund": "taken_back", "test": "no"})
    title, note = _("Taken back at i'mport"), _("Less refunded there than recorded here")
    return [Card("taken_back", title, str(count), note, url, "amber")]


def _batch_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    """Return the card of the bulk refunds that have not ended, if there are any."""
    started = RefundBatch.objects.filter(status__in=STARTED) if may_view_payments(user) else RefundBatch.objects.none()
    statuses = list(started.values_list("status", flat=True))
    if not statuses:
        return []
    paused = statuses.count(BatchStatus.PAUSED)
    note = _("%(count)s paused: resume or stop it") % {"count": paused} if paused else _("Running")
    url = reverse("admin:refunds_refundbatch_changelist", query={"status": "open"})
    return [Card("batches", _("Bulk refunds"), str(len(statuses)), note, url, "amber" if paused else "")]


def _refunded_cards(days: list[Day], today: date) -> list[Card]:
    first = today - timedelta(days=DAYS - 1)
    spans = (
        ("today", _("Refunded today"), today, [day for day in days if day.day == today]),
        ("month", _("Refunded in %(days)s days") % {"days": DAYS}, first, days),
    )
    return [
        Card(code, title, totals_text(found), _count(found), refunded_url(start)) for code, title, start, found in spans
    ]


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


def _count(days: Iterable[Day]) -> str:
    return count_text(sum(day.count for day in days))
