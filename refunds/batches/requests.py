"""What is requested for one order of a batch, as it is stored and as the refund takes it."""

import json
from decimal import Decimal
from typing import cast

from core.encryption.cipher import DecryptError, decrypt, encrypt
from payments.gateway import Requester
from refunds.errors import AccountUnreadable
from refunds.inputs import RefundRequest
from refunds.models import RefundBatch, RefundBatchItem

ACCOUNT_FIELDS = ("refund_holder", "refund_bank", "refund_account", "refund_tel")


def sealed_account(request: RefundRequest) -> str:
    """Return the account fields that were typed, encrypted; "" if none was."""
    account = {name: value for name in ACCOUNT_FIELDS if (value := getattr(request, name))}
    return encrypt(json.dumps(account, ensure_ascii=False)) if account else ""


def request_of(item: RefundBatchItem, *, batch: RefundBatch, expected_balance: Decimal | None) -> RefundRequest:
    """Return what is requested for the order of the batch. Raises `AccountUnreadable`."""
    try:
        account = json.loads(decrypt(item.encrypted_account)) if item.encrypted_account else {}
    except DecryptError as exc:
        raise AccountUnreadable from exc
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
        **account,
    )
