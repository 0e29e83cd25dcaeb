"""Send the notices that are due: each at least once, and only what the ledger says at that moment.

A process takes a notice by moving its `next_try_at`. If it dies, another one sends the notice again after that, with
the same Message-ID. No transaction is open while the mail server is asked.
"""

import logging
import secrets
import threading
import time
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from core import mail
from core.sentences import sentence as _
from refunds.models import BuyerNotice, NoticeSettings, NoticeStatus, RefundRecord
from refunds.notices.check import why_not_needed
from refunds.notices.compose import Mail, compose, sender_of
from refunds.notices.line import Line, NotTakenError
from refunds.notices.outbox import shop_settings
from refunds.notices.wording import wording_of

logger = logging.getLogger(__name__)

# The pauses after failed attempts: the last attempt is a day after the first.
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=7),
    timedelta(hours=10),
)
JITTER = 0.2
LEASE = timedelta(minutes=2)  # longer than one mail can take
RUN_SECONDS = 20.0
# Runs at a time in one process: a slow mail server must not occupy all threads of a worker.
_runs = threading.BoundedSemaphore(2)
_dice = secrets.SystemRandom()


def notices_are_due() -> bool:
    """Return whether there is something to send now."""
    return mail.is_on() and BuyerNotice.objects.due(timezone.now()).exists()


def send_notices(*, seconds: float = RUN_SECONDS) -> bool:
    """Send what is due, the oldest first, for so long. Return whether another run has something to send at once.

    Ends early if the mail server takes nothing: one notice pays for the attempt, and the others wait.
    """
    if not mail.is_on() or not _runs.acquire(blocking=False):
        return False
    line = Line()
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            notice = _take(timezone.now())
            if notice is None or not _send(notice, line):
                return False
        return notices_are_due()
    finally:
        line.close()
        _runs.release()


def message_of(mail_: Mail, *, to: str, shop: NoticeSettings, headers: dict[str, str]) -> EmailMultiAlternatives:
    """Return an e-mail from the shop to this address."""
    words = {"subject": mail_.subject, "text": mail_.text, "html": mail_.html}
    reply_to = [shop.reply_to] if shop.reply_to else None
    return mail.message(to=[to], **words, headers=headers, from_email=sender_of(shop), reply_to=reply_to)


def _take(now: datetime) -> BuyerNotice | None:
    """Take one due notice: no other process takes it before the lease is over."""
    with transaction.atomic():
        due = BuyerNotice.objects.due(now).order_by("next_try_at", "pk")
        notice = due.select_for_update(skip_locked=True, of=("self",)).first()
        if notice is None:
            return None
        notice.attempts += 1
        notice.next_try_at = now + LEASE
        notice.save(update_fields=["attempts", "next_try_at"])
        return notice


def _send(notice: BuyerNotice, line: Line) -> bool:
    """Send one notice, or write why not. Return False if the mail server takes nothing now."""
    refund = RefundRecord.objects.select_related("payment", "late_record").get(pk=notice.refund_id)
    shop = shop_settings()
    if reason := why_not_needed(notice, refund, shop):
        _write(notice, status=NoticeStatus.SKIPPED, error=reason)
        return True
    to = refund.payment.buyer_email.strip()
    language = shop.language
    composed = compose(refund, notice.kind, shop=shop, language=language, wording=wording_of(notice.kind, language))
    tried = {
        "to": to,
        "language": language,
        "subject": composed.subject,
        "body_text": composed.text,
        "body_html": composed.html,
    }
    try:
        validate_email(to)
        headers = {"Message-ID": _message_id(notice, refund, sender_of(shop))}
        line.send(message_of(composed, to=to, shop=shop, headers=headers))
    except ValidationError:
        _write(notice, status=NoticeStatus.FAILED, error=_("The buyer's e-mail address is not valid."), **tried)
    except NotTakenError as exc:
        _retry_later(notice, exc, tried)
        return not exc.is_down
    else:
        _write(notice, status=NoticeStatus.SENT, error="", sent_at=timezone.now(), **tried)
        logger.info("refund %s: its buyer was told (%s)", refund.number, notice.kind)
    return True


def _retry_later(notice: BuyerNotice, exc: NotTakenError, tried: dict[str, Any]) -> None:
    logger.warning("notice %s was not sent: %s", notice.pk, type(exc.__cause__).__name__)
    if exc.is_final or notice.attempts > len(BACK_OFF):
        _write(notice, status=NoticeStatus.FAILED, error=exc.reason, **tried)
    else:
        pause = BACK_OFF[notice.attempts - 1] * _dice.uniform(1, 1 + JITTER)
        _write(notice, error=exc.reason, next_try_at=timezone.now() + pause, **tried)


def _write(notice: BuyerNotice, **changes: Any) -> None:
    """Write what became of a notice. What was sent is sent, whoever took the notice since; else only its holder may."""
    waiting = BuyerNotice.objects.filter(pk=notice.pk, status=NoticeStatus.WAITING)
    is_sent = changes.get("status") == NoticeStatus.SENT
    (waiting if is_sent else waiting.filter(next_try_at=notice.next_try_at)).update(**changes)


def _message_id(notice: BuyerNotice, refund: RefundRecord, sender: str) -> str:
    """Return the same number for each try, by which mail programs recognise a mail that came twice."""
    domain = sender.rpartition("@")[2].strip(">") or "localhost"
    return f"<{refund.number}.{notice.kind}.{notice.resends}@{domain}>"
