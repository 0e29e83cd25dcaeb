"""Tell who started a batch by e-mail that it has ended, or that it paused itself.

`mailed_at` is the time of the latest change that they were told. It is written once the mail server has taken the mail,
so that a kill before that costs a second mail, never the only one. `mail_tried_at` keeps two workers from sending the
same one, and spaces the tries.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, When
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from core import clock, mail
from core.money import format_money
from refunds.batches.outcomes import LABELS, BatchCounts, State, counts_of
from refunds.batches.words import SELF_PAUSES, batch_path, pause_text
from refunds.models import BatchStatus, RefundBatch, RefundBatchEvent

TRIED_FOR = timedelta(days=1)
_NEXT_TRY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class MailLine:
    """Hold the count and the amounts of the orders in a state, as text."""

    label: str
    count: str
    amounts: str


def mails_are_due() -> bool:
    return mail.is_on() and _due(clock.database_now()).exists()


def send_mails() -> None:
    """Send the mails that are due; one that fails is tried again for a day."""
    if not mail.is_on():
        return
    for batch in _due(clock.database_now()).select_related("requested_by"):
        # Only one process gets past this.
        untried = RefundBatch.objects.filter(pk=batch.pk, mail_tried_at=batch.mail_tried_at, mailed_at=batch.mailed_at)
        if untried.update(mail_tried_at=clock.database_now()) and _send(batch):
            RefundBatch.objects.filter(pk=batch.pk).update(mailed_at=batch.changed_at, mail_tried_at=None)


def _due(now: datetime) -> QuerySet[Any]:
    """Return the batches that ended or paused themselves within a day, and whose requester does not know yet."""
    pauses = RefundBatchEvent.objects.filter(batch=OuterRef("pk"), code="paused", actor="").order_by("-pk")
    changed_at = Case(
        When(status=BatchStatus.DONE, then=F("finished_at")),
        When(status=BatchStatus.PAUSED, pause_code__in=SELF_PAUSES, then=Subquery(pauses.values("at")[:1])),
    )
    has_address = Q(requested_by__is_active=True) & ~Q(requested_by__email="")
    return RefundBatch.objects.annotate(changed_at=changed_at).filter(
        has_address,
        Q(mailed_at=None) | Q(mailed_at__lt=F("changed_at")),
        Q(mail_tried_at=None) | Q(mail_tried_at__lt=now - _NEXT_TRY),
        changed_at__gt=now - TRIED_FOR,
    )


def _send(batch: RefundBatch) -> bool:
    """Send the mail in the batch's language. It names no order and no buyer: nobody knows who reads it.

    Nothing is sent for a single order: it is refunded while its requester waits.
    """
    with translation.override(batch.language or settings.LANGUAGE_CODE):
        counts = counts_of(batch)
        if batch.requested_by is None or (counts.to_refund == 1 and batch.status == BatchStatus.DONE):
            return True
        facts = {
            "is_paused": batch.status == BatchStatus.PAUSED,
            "why": pause_text(batch),
            "started_at": date_format(timezone.localtime(batch.started_at), "Y-m-d H:i"),
            "lines": _lines(counts),
            "url": mail.site_link(batch_path(batch)),
        }
        subject = _subject(batch, counts)
        return mail.send(to=batch.requested_by.email, subject=subject, template="mail/batch", facts=facts)


def _subject(batch: RefundBatch, counts: BatchCounts) -> str:
    total = _number(counts.to_refund)
    if batch.status == BatchStatus.PAUSED:
        waiting = _number(counts.count(State.WAITING, State.RUNNING))
        return _("Bulk refund paused: %(count)s of %(total)s orders are waiting") % {"count": waiting, "total": total}
    refunded = _number(counts.count(State.REFUNDED))
    return _("Bulk refund finished: %(count)s of %(total)s orders refunded") % {"count": refunded, "total": total}


def _lines(counts: BatchCounts) -> list[MailLine]:
    return [
        MailLine(str(LABELS[state]), _number(figure.count), _amounts(counts, state))
        for state, figure in counts.figures.items()
        if figure.count
    ]


def _amounts(counts: BatchCounts, state: State) -> str:
    """Return what was refunded, or else what was requested."""
    sums = counts.moved if state is State.REFUNDED else counts.figures[state].sums
    return " + ".join(format_money(amount, currency) for currency, amount in sorted(sums.items()) if amount)


def _number(count: int) -> str:
    return number_format(count, force_grouping=True)
