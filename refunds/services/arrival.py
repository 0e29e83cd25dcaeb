"""Note that a buyer has not received the money of a refund, and that it came after all."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from payments.models import Payment
from refunds.errors import NotLateYet
from refunds.inputs import Actor
from refunds.ledger import add_event, arrival_standing, send
from refunds.models import RefundRecord
from refunds.signals import refund_missed

NOT_RECEIVED = "not_received"
RECEIVED = "received"


@transaction.atomic(durable=True)
def mark_not_received(*, refund: RefundRecord, actor: Actor) -> bool:
    """Note that the buyer says that nothing came: the refund is late until `mark_received`.

    Returns False if that is noted already. Raises `NotLateYet` before the money can be late.
    """
    refund = _locked(refund)
    standing = arrival_standing(refund)
    if standing is None:
        raise NotLateYet(_("Only a refund that was made, and not taken back, can be missing."))
    if not standing.may_be_missed:
        raise NotLateYet(_("The money may still be under way: it usually arrives by the day shown."))
    if refund.not_received_at is not None:
        return False
    _note(refund, NOT_RECEIVED, actor)
    send(refund_missed, RefundRecord, record=refund)
    return True


@transaction.atomic(durable=True)
def mark_received(*, refund: RefundRecord, actor: Actor) -> bool:
    """Note that the money came. Returns False if it was not noted as missing."""
    refund = _locked(refund)
    if refund.not_received_at is None:
        return False
    _note(refund, RECEIVED, actor)
    return True


def _locked(refund: RefundRecord) -> RefundRecord:
    Payment.objects.select_for_update().get(pk=refund.payment_id)
    return RefundRecord.objects.select_related("payment").get(pk=refund.pk)


def _note(refund: RefundRecord, code: str, actor: Actor) -> None:
    now = timezone.now()
    refund.not_received_at = now if code == NOT_RECEIVED else None
    refund.save(update_fields=["not_received_at"])
    add_event(refund, code=code, now=now, actor=actor.name)
