"""Close a refund by hand, or mark it as reviewed."""

import logging

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import clock
from payments.gateway import Gateway, GatewayError, get_gateway
from refunds.errors import ResolutionRefused
from refunds.inputs import Actor
from refunds.ledger import add_event
from refunds.models import RefundRecord
from refunds.reconciliation.reconcile import Closing, repair

logger = logging.getLogger(__name__)


def close_by_hand(*, refund: RefundRecord, actor: Actor, reason: str, gateway: Gateway | None = None) -> RefundRecord:
    """End an open refund that needs review as not executed, because `actor` says so, with `reason`.

    Reads i'mport first: if it shows the refund, the refund is settled as done instead. If it is executed later after
    all, the ledger books it then. Raises `ResolutionRefused`.
    """
    if not reason.strip():
        raise ResolutionRefused(_("Enter why this refund is closed: what you checked, and with whom."))
    if not (refund.is_live and refund.needs_review):
        raise ResolutionRefused(_("Only an open refund that needs review can be closed manually."))
    read_at = clock.database_now()
    try:
        shown = (gateway or get_gateway()).payment(refund.payment.imp_uid)
    except GatewayError as exc:
        message = _("i'mport cannot be read right now, so nothing was closed: %(error)s") % {"error": exc.message}
        raise ResolutionRefused(message) from exc
    closing = Closing(refund.pk, actor.name, reason.strip())
    result = repair(shown, read_at, closing=closing)
    logger.info("refund %s closed by hand: %s", refund.number, result.outcome)
    return RefundRecord.objects.select_related("payment").get(pk=refund.pk)


@transaction.atomic(durable=True)
def mark_reviewed(*, refund: RefundRecord, actor: Actor) -> None:
    """Note that `actor` has reviewed an ended refund, and take it off the list of those that need review.

    Repeating it changes nothing. Raises `ResolutionRefused` for an open refund: that one has to be closed.
    """
    if refund.is_live:
        raise ResolutionRefused(_("This refund is still open. Close it, or wait for its result."))
    if RefundRecord.objects.filter(pk=refund.pk, needs_review=True).update(needs_review=False):
        refund.needs_review = False
        add_event(refund, code="reviewed", now=timezone.now(), actor=actor.name)
