"""The state of an open refund for staff: what it waits for, since when, and when it is checked next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _

from core.admin.display import format_time, since
from payments.labels import pg_label
from payments.models import Payment
from refunds.lease import lease_is_over
from refunds.models import RefundRecord, RefundStatus


@dataclass(frozen=True, slots=True)
class Waiting:
    """The state of an open refund. `code` is a stable word; `next_check` is empty if no check is planned."""

    refund: RefundRecord
    code: str
    title: str
    text: str
    since: str
    next_check: str

    @property
    def level(self) -> str:
        return "warning" if self.refund.needs_review or self.code != "pending" else "info"


def waiting(refund: RefundRecord) -> Waiting | None:
    """Return what this refund waits for; None if it is settled."""
    if not refund.is_live:
        return None
    now = timezone.now()
    code, title, text = _describe(refund, now)
    if refund.needs_review:
        text += " " + _("It has been open for too long. Ask i'mport or the PG whether it was executed.")
    began = refund.events.filter(status=refund.status).first()
    return Waiting(
        refund=refund,
        code=code,
        title=title,
        text=text,
        since=since(began.at if began else refund.requested_at),
        next_check="" if code == "sending" else _next_check(refund, now),
    )


def waiting_refund(payment: Payment) -> Waiting | None:
    """Return what this payment's open refund waits for; None if it has none."""
    refund = payment.refunds.live().first()
    return waiting(refund) if refund else None


def _describe(refund: RefundRecord, now: datetime) -> tuple[str, str, str]:
    if refund.status == RefundStatus.PENDING:
        pg = pg_label(refund.payment.pg_provider) or _("the PG")
        text = _("Accepted by i'mport, not yet completed by the PG. We update this automatically.")
        return "pending", _("Waiting for %(pg)s") % {"pg": pg}, text
    if refund.status == RefundStatus.REQUESTED and not lease_is_over(refund, now):
        return "sending", refund.get_status_display(), _("Sent to i'mport. Waiting for the answer.")
    text = _("No answer from i'mport. We check automatically whether it was executed, and never send it again.")
    return "unknown", str(RefundStatus.UNKNOWN.label), text


def _next_check(refund: RefundRecord, now: datetime) -> str:
    at = refund.next_check_at
    if at is None or at - now < timedelta(minutes=1):
        return _("within a minute")
    return _("%(at)s (in %(time)s)") % {"at": format_time(at), "time": timeuntil(at, now, depth=1)}
