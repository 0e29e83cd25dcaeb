"""What is requested for one order of a batch, as it is stored and as the refund takes it."""

from decimal import Decimal
from typing import cast

from payments.gateway import Requester
from refunds.inputs import RefundRequest
from refunds.models import RefundBatch, RefundBatchItem
from refunds.services.encrypted_accounts import decrypted_account


def request_of(item: RefundBatchItem, *, batch: RefundBatch, expected_balance: Decimal | None) -> RefundRequest:
    """Return what is requested for the order of the batch. Raises `AccountUnreadable`."""
    return RefundRequest(
        amount=item.amount,
        reason=item.reason or batch.reason,
        reason_code=item.reason_code or batch.reason_code,
        tax_free=item.tax_free,
        vat_amount=item.vat_amount,
        expected_balance=expected_balance,
        requester=cast(Requester, item.requester),
        retain_promotion=item.retain_promotion,
        confirmed=frozenset(item.confirmed),
        **decrypted_account(item.encrypted_account),
    )
