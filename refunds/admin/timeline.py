"""Display of refunds: badges, the refunds of a payment, the timeline of a refund."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin.display import badge
from payments.models import Payment
from refunds.approvals.words import approval_path, closed_text, why_text
from refunds.batches.words import EVENTS as BATCH_EVENTS
from refunds.batches.words import batch_name, batch_path
from refunds.ledger import PART_SHOWN
from refunds.messages import event_message, message_of, taken_back_message
from refunds.models import (
    ApprovalStatus,
    BuyerNotice,
    RefundApproval,
    RefundBatch,
    RefundBatchEvent,
    RefundBatchItem,
    RefundEvent,
    RefundRecord,
    RefundStatus,
)
from refunds.services.arrival import NOT_RECEIVED, RECEIVED
from refunds.services.bank_accounts import DROPPED, SHOWN
from refunds.templatetags.refund_display import COLOURS

EVENTS: dict[str, str | Promise] = {
    "requested": _("Refund requested"),
    "accepted": RefundStatus.PENDING.label,
    "succeeded": RefundStatus.SUCCEEDED.label,
    "imported": _("Added from i'mport"),
    PART_SHOWN: _("Confirmed in i'mport's history"),
    "refused": _("Refused by i'mport"),
    "gateway_unavailable": _("i'mport could not be reached"),
    "outcome_unknown": _("No answer; outcome unknown"),
    "not_carried_out": _("Checked: not executed"),
    "needs_review": _("Needs review"),
    "reviewed": _("Reviewed"),
    "closed_by_hand": _("Closed manually"),
    "reversed": _("Reversal accepted"),
    NOT_RECEIVED: _("Buyer has not received it"),
    RECEIVED: _("Buyer has received it"),
    SHOWN: _("Account viewed"),
    DROPPED: _("Account deleted"),
}
# Somebody has to look.
LOUD_EVENTS = ("needs_review", "reversed", NOT_RECEIVED)
# They do not change the refund's state.
QUIET_EVENTS = (SHOWN, DROPPED, PART_SHOWN)
_APPROVAL_ENDS = {
    ApprovalStatus.APPROVED: "green",
    ApprovalStatus.REJECTED: "red",
    ApprovalStatus.EXPIRED: "grey",
    ApprovalStatus.WITHDRAWN: "grey",
}
REFUNDS_SHOWN = 50  # of one payment, on its page
BATCH_EVENTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event: what happened, to which refund or batch (`link`), who did it, and through which entry point."""

    at: datetime
    title: str | Promise
    colour: str
    message: str
    actor: str
    request_id: str = ""
    link: str = ""
    url: str = ""
    amount: str = ""
    channel: str = ""
    reason: str = ""
    more: str = ""
    more_url: str = ""
    code: str = ""
    note: str = ""


def attention_badge(refunds: Iterable[RefundRecord]) -> SafeString | str:
    """Return a badge for a payment's open or questionable refunds; empty if it has none."""
    for refund in refunds:
        if refund.status == RefundStatus.UNKNOWN:
            return badge("amber", RefundStatus.UNKNOWN.label, message_of(refund))
        if refund.is_live:
            return badge("blue", refund.get_status_display())
    return badge("amber", gettext("Needs review")) if any(refund.needs_review for refund in refunds) else ""


def taken_back_badge(payment: Payment) -> SafeString | str:
    """Return a badge for a payment for which i'mport shows less refunded than we do; empty if it does not."""
    return badge("amber", gettext("Taken back"), taken_back_message(payment)) if payment.taken_back else ""


def older_refunds_url(payment: Payment) -> str:
    """Return the address of this payment's ledger if it has more refunds than its page shows; else empty."""
    if payment.refunds.count() <= REFUNDS_SHOWN:
        return ""
    return reverse("admin:refunds_refundrecord_changelist", query={"q": payment.imp_uid})


def reason_line(refund: RefundRecord | RefundApproval) -> str:
    """Return the chosen reason and the free text, those that there are."""
    return " · ".join(filter(None, (refund.reason_name, refund.reason)))


def timeline(refund: RefundRecord) -> list[TimelineEntry]:
    """Return the events of a refund with those of its approval, and of its bulk refund until its turn was over.

    The oldest is first.
    """
    entries = [*approval_entries(filter(None, [refund.approval])), *map(entry_of, refund.events.all())]
    entries += map(_notice_entry, refund.notices.exclude(sent_at=None))
    entries.sort(key=lambda entry: entry.at)
    item = RefundBatchItem.objects.filter(refund=refund).select_related("batch").first()
    if item is None:
        return entries
    events = item.batch.events.filter(at__lte=refund.settled_at or timezone.now())[:BATCH_EVENTS_SHOWN]
    return sorted([*(_batch_entry(item.batch, event) for event in events), *entries], key=lambda entry: entry.at)


def _notice_entry(notice: BuyerNotice) -> TimelineEntry:
    address = reverse("admin:refunds_buyernotice_change", args=[notice.pk])
    at = notice.sent_at or notice.created_at
    return TimelineEntry(at, _("Buyer told by e-mail"), "grey", "", "", link=notice.get_kind_display(), url=address)


def _batch_entry(batch: RefundBatch, event: RefundBatchEvent) -> TimelineEntry:
    title = BATCH_EVENTS.get(event.code, event.code)
    return TimelineEntry(event.at, title, "grey", "", event.actor, link=batch_name(batch), url=batch_path(batch))


def entry_of(event: RefundEvent, **more: str) -> TimelineEntry:
    """Return an event of a refund in words, with `more` of its line."""
    title = EVENTS.get(event.code, event.get_status_display())
    colour = "amber" if event.code in LOUD_EVENTS else COLOURS[RefundStatus(event.status)]
    colour = "grey" if event.code in QUIET_EVENTS else colour
    request_id = str(event.data.get("request_id", ""))
    return TimelineEntry(event.at, title, colour, event_message(event), event.actor, request_id, **more)


def approval_timeline(approval: RefundApproval) -> list[TimelineEntry]:
    """Return who asked for approval and why it was needed, and how it ended, with the note."""
    return list(approval_entries([approval], is_own_page=True))


def approval_entries(approvals: Iterable[RefundApproval], *, is_own_page: bool = False) -> Iterator[TimelineEntry]:
    """Yield the lines of these requests; on other pages than their own, with their link."""
    for approval in approvals:
        link = {} if is_own_page else {"link": approval.number, "url": approval_path(approval)}
        yield TimelineEntry(
            at=approval.requested_at,
            title=gettext("Approval requested"),
            colour="amber" if approval.is_waiting else "grey",
            message=why_text(approval.rule, approval.limit_amount),
            actor=approval.requested_by_name,
            amount=approval.shown_amount,
            channel=str(approval.get_source_display()),
            reason=reason_line(approval),
            **link,
        )
        if approval.decided_at is not None:
            yield TimelineEntry(
                at=approval.decided_at,
                title=gettext("Approval: %(status)s") % {"status": approval.get_status_display()},
                colour=_APPROVAL_ENDS[ApprovalStatus(approval.status)],
                message=_approval_note(approval),
                actor=approval.decided_by_name,
                **link,
            )


def _approval_note(approval: RefundApproval) -> str:
    note = gettext("Note: %(note)s") % {"note": approval.note} if approval.note else ""
    return " ".join(filter(None, (closed_text(approval), note)))
