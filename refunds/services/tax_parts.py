"""State the tax parts of a payment, which i'mport does not show."""

import logging
from collections.abc import Mapping
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction

from payments.models import Payment
from payments.tax_parts import TAX_PARTS, wrong_parts
from refunds.errors import InvalidRequest, RefundNotAllowed
from refunds.permissions import may_state_tax_parts

logger = logging.getLogger(__name__)


def state_tax_parts(*, payment: Payment, user: User, parts: Mapping[str, Decimal | None]) -> Payment:
    """Set the given parts (major units; None: not known) and return the payment. Repeating it changes nothing.

    Raises `RefundNotAllowed`, or `InvalidRequest` for a part that cannot be one of the payment's amount.
    """
    if not may_state_tax_parts(user):
        raise RefundNotAllowed
    with transaction.atomic():
        locked = Payment.objects.select_for_update().get(pk=payment.pk)
        stated = {name: getattr(locked, name) for name in TAX_PARTS} | dict(parts)
        for name, problem in wrong_parts(locked, stated):
            raise InvalidRequest("invalid_amount", problem, field=name)
        for name, part in stated.items():
            setattr(locked, name, part)
        locked.save(update_fields=[*TAX_PARTS, "updated_at"])
    logger.info("%s: tax parts stated by %s", locked.imp_uid, user.pk)
    return locked
