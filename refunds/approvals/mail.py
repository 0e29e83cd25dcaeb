"""Tell by e-mail who may approve a refund that it waits, and who requested it how it was decided.

`mailed_status` is the status that people were last told. It is written once the mail server has taken the mail, so that
a kill before that costs a second mail, never the only one. `mail_tried_at` keeps two workers from sending the same one,
and spaces the tries.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from core import clock, mail
from refunds.approvals.words import approval_path, closed_text, deciders
from refunds.models import ApprovalStatus, ClosedCode, RefundApproval

TRIED_FOR = timedelta(days=1)
_NEXT_TRY = timedelta(minutes=5)


def mails_are_due() -> bool:
    return mail.is_on() and _due(clock.database_now()).exists()


def send_mails() -> None:
    """Send the mails that are due; one that fails is tried again for a day."""
    if not mail.is_on():
        return
    for approval in _due(clock.database_now()).select_related("payment", "batch", "requested_by"):
        # Only one process gets past this.
        told = {"pk": approval.pk, "mailed_status": approval.mailed_status}
        untried = RefundApproval.objects.filter(**told, mail_tried_at=approval.mail_tried_at)
        if untried.update(mail_tried_at=clock.database_now()) and _send(approval):
            RefundApproval.objects.filter(**told).update(mailed_status=approval.status, mail_tried_at=None)


def _due(now: datetime) -> QuerySet[RefundApproval]:
    """Return the requests whose latest status nobody was told yet, for a day."""
    since = now - TRIED_FOR
    return RefundApproval.objects.filter(
        Q(mail_tried_at=None) | Q(mail_tried_at__lt=now - _NEXT_TRY),
        Q(status=ApprovalStatus.WAITING, requested_at__gt=since) | Q(decided_at__gt=since),
    ).exclude(Q(mailed_status=F("status")) | Q(closed_code=ClosedCode.WITHDRAWN))


def _send(approval: RefundApproval) -> bool:
    """Send the mail, in the installation's language. Nobody knows who reads it: it names no buyer and no account, and
    repeats no free text.
    """
    with translation.override(settings.LANGUAGE_CODE):
        receivers = _receivers(approval)
        if not receivers:
            return True
        facts = {
            "lead": _lead(approval),
            "say": _next_step(approval),
            "lines": _lines(approval),
            "link": _("Open the request"),
            "url": mail.site_link(approval_path(approval)),
        }
        return mail.send(to=receivers, subject=_subject(approval), template="mail/approval", facts=facts)


def _receivers(approval: RefundApproval) -> list[str]:
    """Return the addresses of those who may decide a waiting request, or of who made a decided one.

    Of a request that ended without a decision they hear as well if its requester is gone.
    """
    requester = approval.requested_by
    is_gone = requester is not None and not requester.is_active
    if approval.is_waiting or (is_gone and approval.status not in (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)):
        return list(deciders(approval.requested_by_id).exclude(email="").values_list("email", flat=True))
    return [requester.email] if requester and requester.is_active and requester.email else []


def _subject(approval: RefundApproval) -> str:
    words = {"amount": approval.shown_amount, "number": approval.number}
    if approval.is_waiting:
        return _("Approval needed: refund of %(amount)s (%(number)s)") % words
    if approval.status == ApprovalStatus.APPROVED:
        return _("Approved: refund of %(amount)s (%(number)s)") % words
    if approval.status == ApprovalStatus.REJECTED:
        return _("Rejected: refund of %(amount)s (%(number)s)") % words
    return _("Not approved: refund of %(amount)s (%(number)s)") % words


def _lead(approval: RefundApproval) -> str:
    if approval.is_waiting:
        return _("%(who)s asks for a refund that needs your approval.") % {"who": approval.requested_by_name}
    if approval.status == ApprovalStatus.APPROVED:
        return _("%(who)s approved the refund that you asked for.") % {"who": approval.decided_by_name}
    if approval.status == ApprovalStatus.REJECTED:
        return _("%(who)s rejected the refund that you asked for.") % {"who": approval.decided_by_name}
    if approval.requested_by and not approval.requested_by.is_active:
        lead = _("The refund that %(who)s asked for was not approved.") % {"who": approval.requested_by_name}
    else:
        lead = _("The refund that you asked for was not approved.")
    return f"{lead} {closed_text(approval)}"


def _next_step(approval: RefundApproval) -> str:
    if approval.is_waiting:
        return _("Nothing is refunded until one of you approves it.")
    if approval.status == ApprovalStatus.APPROVED:
        return _("Its page shows what became of the refund.")
    if approval.status == ApprovalStatus.REJECTED:
        return _("Nothing was refunded. The reason is on its page.")
    return _("Nothing was refunded. Ask for it again if it is still needed.")


def _lines(approval: RefundApproval) -> list[tuple[str, str]]:
    lines = [(_("Amount"), approval.shown_amount)]
    if approval.payment is not None:
        lines.append((_("Order"), approval.payment.merchant_uid))
    else:
        lines.append((_("Orders"), number_format(approval.orders, force_grouping=True)))
    lines.append((_("Requested at"), _time(approval.requested_at)))
    if approval.is_waiting:
        lines.append((_("Expires at"), _time(approval.expires_at)))
    return lines


def _time(at: datetime) -> str:
    return date_format(timezone.localtime(at), "Y-m-d H:i")
