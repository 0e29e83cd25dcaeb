"""Metrics of the refunds: how they ended, which are open, and whether the worker sweeps."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count, Min
from django.dispatch import receiver
from django.utils import timezone
from prometheus_client import Counter, Metric
from prometheus_client.core import GaugeMetricFamily

from monitoring.collectors import PREFIX, register_collector
from monitoring.multiprocess import measure
from monitoring.worker import worker_last_seen
from payments.labels import PAY_METHODS
from payments.models import Payment
from refunds.models import (
    LIVE_STATUSES,
    STARTED,
    BuyerNotice,
    NoticeStatus,
    RefundApproval,
    RefundBatch,
    RefundBatchItem,
    RefundRecord,
    RefundReversal,
)
from refunds.signals import approval_changed, refund_reversed, refund_settled

ENDED = Counter(
    f"{PREFIX}_refunds_total",
    "Refunds that have ended; outcome: how; refusal: why i'mport refused.",
    ("outcome", "source", "method", "currency", "refusal"),
    registry=None,
)
AMOUNT = Counter(
    f"{PREFIX}_refunded_amount_total",
    "Money given back, in major units of its currency.",
    ("source", "currency"),
    registry=None,
)
REVERSED = Counter(
    f"{PREFIX}_reversed_amount_total",
    "Money given back that was taken back again, in major units of its currency.",
    ("source", "currency"),
    registry=None,
)

DECIDED = Counter(
    f"{PREFIX}_approvals_total",
    "Requests for approval that have ended; outcome: approved, rejected, or why else.",
    ("outcome", "source"),
    registry=None,
)


@receiver(refund_settled, dispatch_uid="refunds.metrics")
def count_ended(*, record: RefundRecord, **_signal: Any) -> None:
    """Count the refund once its end is committed."""
    transaction.on_commit(partial(measure, partial(_count, record)), robust=True)


@receiver(refund_reversed, dispatch_uid="refunds.metrics.reversed")
def count_reversed(*, reversal: RefundReversal, **_signal: Any) -> None:
    """Count the reversal once it is committed."""
    transaction.on_commit(partial(measure, partial(_count_reversed, reversal)), robust=True)


@receiver(approval_changed, dispatch_uid="refunds.metrics.approvals")
def count_decided(*, approval: RefundApproval, **_signal: Any) -> None:
    """Count the end of a request for approval once it is committed."""
    if not approval.is_waiting:
        transaction.on_commit(partial(measure, partial(_count_decided, approval)), robust=True)


def _count_decided(approval: RefundApproval) -> None:
    DECIDED.labels(approval.closed_code or approval.status, approval.source).inc()


def _count_reversed(reversal: RefundReversal) -> None:
    refund = reversal.refund
    if not refund.payment.sandbox:
        REVERSED.labels(refund.source, refund.payment.currency).inc(float(reversal.amount))


def _count(record: RefundRecord) -> None:
    payment = record.payment
    method = payment.pay_method if payment.pay_method in PAY_METHODS else "other"
    outcome = record.error_code or record.status
    ENDED.labels(outcome, record.source, method, payment.currency, record.refusal_class).inc()
    if record.booked_amount and not payment.sandbox:
        AMOUNT.labels(record.source, payment.currency).inc(float(record.booked_amount))


def collect() -> Iterable[Metric]:
    """Read what is open from the database: the same in every process, and after a restart."""
    yield from _open()
    review = RefundRecord.objects.needing_review().count()
    yield GaugeMetricFamily(f"{PREFIX}_refunds_needing_review", "Refunds that somebody has to look at.", value=review)
    text = "Payments for which i'mport shows less refunded than the ledger."
    yield GaugeMetricFamily(f"{PREFIX}_payments_taken_back", text, value=Payment.objects.taken_back().count())
    yield from _approvals()
    yield from _batches()
    yield from _notices()
    swept_at = worker_last_seen()
    if swept_at is not None:
        text = "When the worker last did its periodic work."
        yield GaugeMetricFamily(f"{PREFIX}_last_sweep_timestamp_seconds", text, value=swept_at.timestamp())


def _open() -> Iterable[Metric]:
    live = RefundRecord.objects.live().order_by().values_list("status")
    found = {status: (count, at) for status, count, at in live.annotate(count=Count("pk"), at=Min("requested_at"))}
    family = GaugeMetricFamily(f"{PREFIX}_refunds_open", "Refunds whose end is not known yet.", labels=["status"])
    for status in LIVE_STATUSES:
        family.add_metric([status.value], found[status][0] if status in found else 0)
    yield family
    oldest = min((at for _count, at in found.values()), default=None)
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    text = "How long ago the oldest of them was asked for."
    yield GaugeMetricFamily(f"{PREFIX}_refunds_open_oldest_seconds", text, value=max(0.0, age))


def _approvals() -> Iterable[Metric]:
    waiting = RefundApproval.objects.waiting().order_by().aggregate(count=Count("pk"), oldest=Min("requested_at"))
    text = "Refunds and bulk refunds that wait for approval by a second person."
    yield GaugeMetricFamily(f"{PREFIX}_approvals_waiting", text, value=waiting["count"])
    age = (timezone.now() - waiting["oldest"]).total_seconds() if waiting["oldest"] else 0.0
    text = "How long ago the oldest of them was requested."
    yield GaugeMetricFamily(f"{PREFIX}_approvals_waiting_oldest_seconds", text, value=max(0.0, age))


def _batches() -> Iterable[Metric]:
    started = RefundBatch.objects.filter(status__in=STARTED).order_by().values_list("status")
    found = dict(started.annotate(count=Count("pk")))
    family = GaugeMetricFamily(f"{PREFIX}_batches_open", "Bulk refunds that have not ended.", labels=["status"])
    for status in STARTED:
        family.add_metric([status.value], found.get(status, 0))
    yield family
    orders = RefundBatchItem.objects.filter(refund=None, error_code="", batch__status__in=STARTED)
    yield GaugeMetricFamily(
        f"{PREFIX}_batch_orders_waiting", "Orders of these without an outcome.", value=orders.count()
    )


def _notices() -> Iterable[Metric]:
    shown = (NoticeStatus.WAITING, NoticeStatus.FAILED)
    found = dict(BuyerNotice.objects.filter(status__in=shown).order_by().values_list("status").annotate(Count("pk")))
    family = GaugeMetricFamily(f"{PREFIX}_notices", "E-mails to buyers that are not sent.", labels=["status"])
    for status in shown:
        family.add_metric([status.value], found.get(status, 0))
    yield family


register_collector("refunds", collect)
