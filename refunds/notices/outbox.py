"""Write the notices: in the transaction that books what they tell, so that both are committed or neither is.

Nothing is written while mails are off, for a kind that is off, for a test payment, or without the buyer's address.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from core import mail
from refunds.errors import RefundNotSent
from refunds.ledger import accepted_before
from refunds.models import (
    BuyerNotice,
    NoticeKind,
    NoticeSettings,
    NoticeStatus,
    RefundRecord,
    RefundSource,
    RefundStatus,
)

# A cancel that was made in i'mport's console longer ago is history: its buyer knows.
RECENT = timedelta(days=2)
# A refused refund is often requested again at once.
REFUSED_AFTER = timedelta(minutes=10)
_MOST_LATE = 1_000


def shop_settings() -> NoticeSettings:
    """Return the shop's settings; those of a shop that saved none are off."""
    return NoticeSettings.objects.first() or NoticeSettings()


def is_on(kind: str | None = None) -> bool:
    """Return whether buyers are told at all, or of this kind."""
    if not mail.is_on():
        return False
    shop = shop_settings()
    return shop.on_since is not None and (kind is None or kind in shop.kinds)


def is_told(refund: RefundRecord) -> bool:
    """Return whether the buyer of this refund can be told."""
    return bool(refund.payment.buyer_email.strip()) and not refund.payment.sandbox


def note_ended(record: RefundRecord) -> bool:
    """Write the notice of a refund that has ended. Return whether it is due at once.

    A failed one that the buyer was told is accepted has one even if that kind is off.
    """
    if not mail.is_on() or not is_told(record):
        return False
    shop = shop_settings()
    if shop.on_since is None:
        return False
    if record.status == RefundStatus.SUCCEEDED:
        if NoticeKind.REFUNDED not in shop.kinds or not _is_news(record, shop.on_since):
            return False
        return _write(record, NoticeKind.REFUNDED)
    is_wanted = NoticeKind.REFUSED in shop.kinds and record.error_code != RefundNotSent.code
    if is_wanted or record.notices.filter(kind=NoticeKind.ACCEPTED).exists():
        _write(record, NoticeKind.REFUSED, after=REFUSED_AFTER)
    return False


def note_accepted(record: RefundRecord) -> bool:
    """Write the notice of a refund that waits for its PG. Return whether it is due at once."""
    return is_told(record) and is_on(NoticeKind.ACCEPTED) and _write(record, NoticeKind.ACCEPTED)


def note_missed(record: RefundRecord) -> bool:
    """Write the notice of a refund whose buyer says that nothing came. Return whether it is due at once."""
    return is_told(record) and is_on(NoticeKind.LATE) and _write(record, NoticeKind.LATE)


def note_late() -> None:
    """Write the notices of the refunds that their PG has not executed for days."""
    if not mail.is_on():
        return
    shop, now = shop_settings(), timezone.now()
    if shop.on_since is None or NoticeKind.LATE not in shop.kinds:
        return
    waiting = RefundRecord.objects.real().filter(
        ~Q(payment__buyer_email=""),
        status=RefundStatus.PENDING,
        requested_at__gte=shop.on_since,
        requested_at__lt=accepted_before(now),
    )
    untold = waiting.exclude(notices__kind=NoticeKind.LATE).order_by("requested_at")[:_MOST_LATE]
    BuyerNotice.objects.bulk_create(
        [BuyerNotice(refund=refund, kind=NoticeKind.LATE, next_try_at=now) for refund in untold],
        ignore_conflicts=True,
    )


def send_again(notice: BuyerNotice) -> bool:
    """Make a notice due again, with all its attempts. Return False if it is waiting already."""
    ended = BuyerNotice.objects.filter(pk=notice.pk).exclude(status=NoticeStatus.WAITING)
    now, resends = timezone.now(), F("resends") + 1
    changed = ended.update(status=NoticeStatus.WAITING, next_try_at=now, attempts=0, error="", resends=resends)
    return bool(changed)


def _is_news(record: RefundRecord, on_since: datetime) -> bool:
    """Return whether a cancel tells its buyer something new: our own, or one made in the console lately."""
    if record.source != RefundSource.CONSOLE or record.late_for_id is not None:
        return True
    return record.cancelled_at is not None and record.cancelled_at >= max(on_since, timezone.now() - RECENT)


def _write(record: RefundRecord, kind: NoticeKind, *, after: timedelta = timedelta(0)) -> bool:
    notice = BuyerNotice(refund=record, kind=kind, next_try_at=timezone.now() + after)
    # A refund can be missed twice: its buyer is told once.
    BuyerNotice.objects.bulk_create([notice], ignore_conflicts=True)
    return True
