"""Paid orders at the sandbox, mirrored in the ledger. Import it with Django set up."""

import itertools

from payments.intake.sync import sync_by_id
from payments.models import Payment
from tests.sandbox_control import SandboxControl

CHUNK = 500  # orders that the sandbox creates in one call
_numbers = itertools.count(1)


def paid_orders(sandbox: SandboxControl, count: int, *, amount: int = 10_000) -> list[Payment]:
    """Create paid orders at the sandbox and mirror them; return them in our ledger."""
    imp_uids: list[str] = []
    for first in range(0, count, CHUNK):
        wanted = [_order(amount) for _ in range(min(CHUNK, count - first))]
        imp_uids += [shown["imp_uid"] for shown in sandbox.create_payments(wanted)]
    list(sync_by_id(imp_uids))
    found = {payment.imp_uid: payment for payment in Payment.objects.filter(imp_uid__in=imp_uids)}
    return [found[imp_uid] for imp_uid in imp_uids]


def _order(amount: int) -> dict[str, object]:
    return {"merchant_uid": f"bench-{next(_numbers)}", "amount": amount, "pg_provider": "uplus"}
