"""The admin's overview: open refunds, refunded totals, and the latest comparison with i'mport."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.admin.display import since
from core.money import KRW, format_money, format_totals
from payments.models import Payment
from refunds.admin.drift.reports import result_badge
from refunds.admin.worker import no_worker_text
from refunds.batches.words import batch_path
from refunds.models import STARTED, BatchStatus, ReconciliationReport, RefundBatch, RefundRecord, RefundStatus
from refunds.permissions import may_resolve, may_view_payments, may_view_refunds, may_view_reports

DAYS = 30
LINES = 6
BAR_STEP, BAR_WIDTH, CHART_HEIGHT = 20, 14, 100


@dataclass(frozen=True, slots=True)
class Card:
    """One figure with a link to what it counts. `tone` is the colour if it needs attention."""

    code: str
    title: str
    figure: str | SafeString
    note: str
    url: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart in SVG units; `left` is where its share of the width begins."""

    left: int
    height: int
    label: str
    step: int = BAR_STEP
    width: int = BAR_WIDTH

    @property
    def x(self) -> int:
        return self.left + (self.step - self.width) // 2

    @property
    def y(self) -> int:
        return CHART_HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Day:
    """The total refunded on one day in Asia/Seoul in one currency."""

    day: date
    currency: str
    total: Decimal
    count: int


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the overview to the context for staff who may see refunds; others get the plain list of sections."""
    user = request.user
    if not may_view_refunds(user):
        return context
    today = timezone.localdate()
    days = _refunded_since(today - timedelta(days=DAYS - 1))
    refunds = RefundRecord.objects.select_related("payment")
    return {
        **context,
        "title": _("Overview"),
        "worker_warning": no_worker_text(),
        "cards": [
            *_taken_back_cards(user),
            *_batch_cards(user),
            *_open_cards(),
            *_refunded_cards(days, today),
            *_drift_cards(user),
        ],
        "chart": _chart(days, today),
        "newest": refunds[:LINES],
        "oldest": refunds.live().order_by("requested_at")[:LINES],
        "ledger_url": ledger_url(),
        "open_url": ledger_url(status="open"),
    }


def ledger_url(**query: str) -> str:
    return reverse("admin:refunds_refundrecord_changelist", query=query)


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


def _taken_back_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    """Return the card of the payments for which i'mport shows less refunded than we do, if there are any."""
    count = Payment.objects.real().taken_back().count() if may_view_payments(user) else 0
    if not count:
        return []
    url = reverse("admin:payments_payment_changelist", query={"refund": "taken_back", "test": "no"})
    title, note = _("Taken back at i'mport"), _("Less refunded there than recorded here")
    return [Card("taken_back", title, str(count), note, url, "amber")]


def _batch_cards(user: AbstractBaseUser | AnonymousUser) -> list[Card]:
    """Return the card of the bulk refunds that have not ended, if there are any. A paused one comes first."""
    started = list(RefundBatch.objects.filter(status__in=STARTED).order_by("pk")) if may_view_payments(user) else []
    if not started:
        return []
    paused = [batch for batch in started if batch.status == BatchStatus.PAUSED]
    note = _("%(count)s paused: resume or stop it") % {"count": len(paused)} if paused else _("Running")
    url = batch_path((paused or started)[0])
    return [Card("batches", _("Bulk refunds"), str(len(started)), note, url, "amber" if paused else "")]


def _refunded_cards(days: list[Day], today: date) -> list[Card]:
    first = today - timedelta(days=DAYS - 1)
    spans = (
        ("today", _("Refunded today"), today, [day for day in days if day.day == today]),
        ("month", _("Refunded in %(days)s days") % {"days": DAYS}, first, days),
    )
    return [
        Card(code, title, _totals(found), _count(found), _refunded_url(start)) for code, title, start, found in spans
    ]


def _refunded_url(start: date) -> str:
    return ledger_url(status="succeeded", cancelled_at_from=str(start), test="no")


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


def _refunded_since(first: date) -> list[Day]:
    """Sum up per day and currency what i'mport refunded since this day, without test payments.

    Each payment is looked up by its key: for a join, PostgreSQL reads the whole table.
    """
    start = timezone.make_aware(datetime.combine(first, time.min))
    real = Payment.objects.real().filter(pk=OuterRef("payment")).order_by()
    rows = (
        RefundRecord.objects.succeeded()
        .filter(cancelled_at__gte=start)
        .order_by()
        .annotate(day=TruncDate("cancelled_at"), currency=Subquery(real.values("currency")))
        .values_list("day", "currency")
        .annotate(total=Sum(F("cancelled_amount") - F("reversed_amount")), count=Count("pk"))
    )
    return [Day(*row) for row in rows if row[1] is not None]


def _totals(days: Iterable[Day]) -> str:
    """Format the sums; zero won if there is nothing."""
    return " + ".join(format_totals([(day.total, day.currency) for day in days] or [(Decimal(0), KRW)]))


def _count(days: Iterable[Day]) -> str:
    count = sum(day.count for day in days)
    return ngettext("%(count)s refund", "%(count)s refunds", count) % {"count": count}


def _chart(days: list[Day], today: date) -> dict[str, Any] | None:
    """Return the chart of the won refunded on each of the last days; None if there were none."""
    won = {day.day: day for day in days if day.currency == KRW}
    most = max((day.total for day in won.values()), default=Decimal(0))
    if not most:
        return None
    shown = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    return {
        "bars": [_bar(place, day, won.get(day), most) for place, day in enumerate(shown)],
        "most": format_money(most, KRW),
        "first": f"{shown[0]:%m-%d}",
        "middle": f"{shown[DAYS // 2]:%m-%d}",
        "width": DAYS * BAR_STEP,
        "height": CHART_HEIGHT,
    }


def _bar(place: int, day: date, refunded: Day | None, most: Decimal) -> Bar:
    total = refunded.total if refunded else Decimal(0)
    height = max(int(total * CHART_HEIGHT / most), 2 if total else 0)
    label = f"{day:%Y-%m-%d}: {format_money(total, KRW)}"
    if refunded:
        label += f" ({_count([refunded])})"
    return Bar(place * BAR_STEP, height, label)
