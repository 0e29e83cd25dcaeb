"""The naive project's side of a measurement. Runs in a process with its settings."""

from benchmarks.naive.models import Payment


def store(*, orders: list[list[str]], amount: int) -> None:
    """Store paid orders: their `imp_uid` and `merchant_uid`."""
    Payment.objects.bulk_create(
        Payment(imp_uid=imp_uid, merchant_uid=merchant_uid, amount=amount) for imp_uid, merchant_uid in orders
    )


def booked(*, merchant_uids: list[str]) -> dict[str, int]:
    """Return how much the table says was refunded of each order."""
    found = Payment.objects.filter(merchant_uid__in=merchant_uids)
    return {payment.merchant_uid: payment.cancel_amount for payment in found}
