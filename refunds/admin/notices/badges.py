"""The state of an e-mail to a buyer, as a badge."""

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core.admin.display import badge
from refunds.models import BuyerNotice, NoticeStatus

_COLOURS = {
    NoticeStatus.WAITING: "blue",
    NoticeStatus.SENT: "green",
    NoticeStatus.FAILED: "red",
    NoticeStatus.SKIPPED: "grey",
}


def notice_badge(notice: BuyerNotice) -> SafeString:
    """Return the state of a notice as a badge; why it waits or was not sent is the tooltip."""
    if notice.status == NoticeStatus.WAITING and notice.error:
        return badge("amber", _("Trying again"), notice.error)
    return badge(_COLOURS[NoticeStatus(notice.status)], notice.get_status_display(), notice.error)
