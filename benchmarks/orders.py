"""Our side of a measurement: paid orders in the ledger, a token, what is booked. Import it with Django set up."""

from django.contrib.auth.models import Permission, User

from access.tokens.service import create_token
from payments.intake.sync import sync_by_id
from payments.models import Payment


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
