"""Our side of a measurement: paid orders in the ledger, a token, what is booked. Import it with Django set up."""

import itertools

from django.contrib.auth.models import Permission, User

from access.tokens.service import create_token
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


def store(*, orders: list[list[str]], amount: int) -> None:
    """Mirror orders that i'mport has: their `imp_uid` and `merchant_uid`."""
    list(sync_by_id([imp_uid for imp_uid, _merchant_uid in orders]))
    assert Payment.objects.filter(imp_uid__in=[pair[0] for pair in orders], amount=amount).count() == len(orders)


def booked(*, merchant_uids: list[str]) -> dict[str, int]:
    """Return how much the ledger says was refunded of each order."""
    found = Payment.objects.filter(merchant_uid__in=merchant_uids)
    return {payment.merchant_uid: int(payment.cancel_amount) for payment in found}


def token() -> str:
    """Return the secret of an API token that may refund every order, as a shop's server has."""
    user = User.objects.create_user("shop", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="refund_payment"))
    return create_token(user=user, name="benchmark")[1]
