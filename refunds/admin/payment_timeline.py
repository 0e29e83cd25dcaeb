"""The timeline of a payment: everything that happened to it, in one list."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext

from core.money import format_money
from core.permissions import AnyUser
from payments.labels import method_and_pg
from payments.models import Notification, Payment, PaymentStatus
from refunds.admin.notes import note_entries
from refunds.admin.timeline import TimelineEntry, approval_entries, entry_of, reason_line
from refunds.batches.outcomes import LABELS, State, batch_lines_of_payment
from refunds.batches.words import batch_name, batch_path
from refunds.messages import taken_back_message
from refunds.models import Discrepancy, RefundBatchItem, RefundEvent, RefundStatus
from refunds.permissions import may_view_reports

MOST = 100
_BEGINS = ("requested", "imported")
_FORM_CHANGES = '[{"changed"'  # what the admin's form writes; our own entries have an event beside them
_BATCH_COLOURS = {State.SKIPPED: "amber", State.PROBLEM: "amber"}


def payment_timeline(payment: Payment, reader: AnyUser) -> tuple[list[TimelineEntry], bool]:
    """Return the latest events of a payment, oldest first, and whether there are older ones."""
    found = [
        *_of_payment(payment),
        *_of_refunds(payment),
        *approval_entries(payment.approvals.order_by("-requested_at", "-id")[:MOST]),
        *_of_batches(payment),
        *_of_notifications(payment),
        *_of_reports(payment, reader),
        *_of_changes(payment),
        *note_entries(payment.notes.select_related("refund"), name_refunds=True),
    ]
    found.sort(key=lambda entry: entry.at)  # stable: what was written at one moment stays in its order
    return found[-MOST:], len(found) > MOST


def _of_payment(payment: Payment) -> Iterator[TimelineEntry]:
    def entry(at: datetime, title: str, colour: str, message: str = "") -> TimelineEntry:
        return TimelineEntry(at, title, colour, message, "")

    if payment.paid_at:
        amount = format_money(payment.amount, payment.currency)
        how = method_and_pg(payment.pay_method, payment.pg_provider)
        yield entry(payment.paid_at, gettext("Paid"), "green", f"{amount} · {how}" if how else amount)
    yield entry(payment.created_at, gettext("First recorded here"), "grey")
    if payment.failed_at:
        yield entry(payment.failed_at, gettext("Payment failed"), "red", payment.fail_reason)
    if payment.cancelled_at and payment.status == PaymentStatus.CANCELLED and not payment.was_paid:
        yield entry(payment.cancelled_at, gettext("Cancelled unpaid"), "grey", payment.cancel_reason)
    if payment.taken_back_seen_at:
        title = gettext("Taken back at i'mport")
        yield entry(payment.taken_back_seen_at, title, "amber", taken_back_message(payment))


def _of_refunds(payment: Payment) -> Iterator[TimelineEntry]:
    """Yield the latest events of all refunds, each with the refund that it is of, and with how it began."""
    latest = RefundEvent.objects.filter(refund__payment=payment).select_related("refund").order_by("-at", "-pk")
    events = list(latest[: MOST + 1])[::-1]
    items = RefundBatchItem.objects.filter(refund__in={event.refund_id for event in events}).select_related("batch")
    batches = {item.refund_id: item.batch for item in items}
    for event in events:
        refund, batch = event.refund, batches.get(event.refund_id)
        refund.payment = payment
        began = event.code in _BEGINS
        amount = refund.shown_amount if event.status == RefundStatus.SUCCEEDED else refund.amount
        yield entry_of(
            event,
            link=refund.number,
            url=reverse("admin:refunds_refundrecord_change", args=[refund.pk]),
            amount=format_money(amount, payment.currency),
            channel=refund.get_source_display() if began else "",
            reason=reason_line(refund) if began else "",
            more_url=batch_path(batch) if began and batch else "",
            more=batch_name(batch) if began and batch else "",
        )


def _of_batches(payment: Payment) -> Iterator[TimelineEntry]:
    """Yield what became of the payment in bulk refunds that made no refund of it."""
    for outcome in batch_lines_of_payment(payment):
        # Requests for approval have lines of their own.
        if outcome.refund is None and outcome.state is not State.AWAITING:
            item, label = outcome.item, str(LABELS[outcome.state])
            yield TimelineEntry(
                at=item.done_at or item.batch.created_at,
                title=gettext("Bulk refund: %(state)s") % {"state": label},
                colour=_BATCH_COLOURS.get(outcome.state, "grey"),
                message=outcome.message,
                actor=item.batch.requested_by_name,
                link=batch_name(item.batch),
                url=batch_path(item.batch),
                code=outcome.state.value,
            )


def _of_notifications(payment: Payment) -> Iterator[TimelineEntry]:
    for noted in Notification.objects.filter(imp_uid=payment.imp_uid):
        count = ngettext("%(count)s notification so far", "%(count)s notifications so far", noted.notified)
        text = count % {"count": noted.notified}
        if noted.answered < noted.notified:
            still = gettext("The payment is still to be read again.")
            text = f"{text}. {still}"
        yield TimelineEntry(noted.requested_at, gettext("Notified by i'mport"), "grey", text, "")


def _of_reports(payment: Payment, reader: AnyUser) -> Iterator[TimelineEntry]:
    """Yield the differences that reconciliations found, one for each report."""
    found = Discrepancy.objects.filter(imp_uid=payment.imp_uid, is_waiting=False).select_related("report")
    by_report: dict[int, list[Discrepancy]] = {}
    for one in found.order_by("-pk")[:MOST]:
        by_report.setdefault(one.report_id, []).append(one)
    for differences in by_report.values():
        report = differences[0].report
        is_repaired = all(one.repaired for one in differences)
        yield TimelineEntry(
            at=report.finished_at or report.started_at,
            title=gettext("Reconciliation found a difference"),
            colour="green" if is_repaired else "amber",
            message=_differences(differences),
            actor="",
            link=gettext("Reconciliation report") if may_view_reports(reader) else "",
            url=reverse("admin:refunds_reconciliationreport_change", args=[report.pk]),
        )


def _differences(found: Iterable[Discrepancy]) -> str:
    found = list(found)
    kinds = ", ".join(str(one.get_kind_display()) for one in reversed(found))
    repaired = gettext("Repaired") if all(one.repaired for one in found) else ""
    return ". ".join(filter(None, (kinds, repaired)))


def _of_changes(payment: Payment) -> Iterator[TimelineEntry]:
    """Yield the changes that staff made in the form of this page."""
    kind = ContentType.objects.get_for_model(Payment)
    logged = LogEntry.objects.filter(content_type=kind, object_id=str(payment.pk), action_flag=CHANGE)
    changes = logged.filter(change_message__startswith=_FORM_CHANGES).select_related("user")
    title: str | Promise = gettext("Changed here")
    for entry in changes.order_by("-action_time")[:MOST]:
        yield TimelineEntry(entry.action_time, title, "grey", entry.get_change_message(), entry.user.get_username())
