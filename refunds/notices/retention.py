"""Old texts of e-mails to buyers."""

from datetime import datetime, timedelta

from refunds.models import BuyerNotice, NoticeStatus

KEPT = timedelta(days=90)
_CHUNK = 1_000


def drop_old_texts(now: datetime) -> int:
    """Delete the texts of mails that were last tried `KEPT` ago; return how many. Who was told when stays."""
    old = BuyerNotice.objects.exclude(status=NoticeStatus.WAITING).exclude(body_text="")
    dropped = 0
    while pks := list(old.filter(next_try_at__lte=now - KEPT).order_by().values_list("pk", flat=True)[:_CHUNK]):
        dropped += BuyerNotice.objects.filter(pk__in=pks).update(body_text="", body_html="")
    return dropped
