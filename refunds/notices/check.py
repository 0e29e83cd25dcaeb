"""Ask the ledger once more before a notice is sent: what it tells must still be true, and news."""

from collections.abc import Callable

from core.sentences import sentence as _
from refunds.ledger import is_late
from refunds.models import BuyerNotice, NoticeKind, NoticeSettings, NoticeStatus, RefundRecord, RefundStatus


def why_not_needed(notice: BuyerNotice, refund: RefundRecord, shop: NoticeSettings) -> str:
    """Return why this notice must not be sent (any more); "" if it is true.

    A notice that staff send again is sent even if its kind is off.
    """
    if shop.on_since is None:
        return _("E-mails to buyers were switched off.")
    if not refund.payment.buyer_email.strip():
        return _("The payment has no e-mail address of the buyer.")
    return _CHECKS[NoticeKind(notice.kind)](notice, refund, shop)


def _refunded(notice: BuyerNotice, refund: RefundRecord, shop: NoticeSettings) -> str:
    if refund.status != RefundStatus.SUCCEEDED or refund.net_amount <= 0:
        return _("The ledger does not say that this refund was made and kept.")
    return _unless_on(notice, shop)


def _accepted(notice: BuyerNotice, refund: RefundRecord, shop: NoticeSettings) -> str:
    if refund.status != RefundStatus.PENDING:
        return _("The refund had ended already.")
    return _unless_on(notice, shop)


def _refused(notice: BuyerNotice, refund: RefundRecord, shop: NoticeSettings) -> str:
    if refund.status != RefundStatus.FAILED or refund.executed_late:
        return _("The refund was executed after all.")
    later = refund.payment.refunds.filter(pk__gt=refund.pk)
    if later.counting().exists() or later.filter(notices__kind=NoticeKind.REFUSED).exists():
        return _("The refund was requested again meanwhile.")
    was_promised = refund.notices.filter(kind=NoticeKind.ACCEPTED, status=NoticeStatus.SENT).exists()
    return "" if was_promised else _unless_on(notice, shop)


def _late(notice: BuyerNotice, refund: RefundRecord, shop: NoticeSettings) -> str:
    if not is_late(refund):
        return _("The refund is not late any more.")
    return _unless_on(notice, shop)


def _unless_on(notice: BuyerNotice, shop: NoticeSettings) -> str:
    is_wanted = notice.kind in shop.kinds or notice.resends > 0
    return "" if is_wanted else _("E-mails of this kind were switched off.")


_CHECKS: dict[NoticeKind, Callable[[BuyerNotice, RefundRecord, NoticeSettings], str]] = {
    NoticeKind.REFUNDED: _refunded,
    NoticeKind.ACCEPTED: _accepted,
    NoticeKind.REFUSED: _refused,
    NoticeKind.LATE: _late,
}
