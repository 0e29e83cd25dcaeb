"""The bank account of a refund that is requested and not sent yet: encrypted as it was typed."""

import json
from typing import Any

from core.encryption.cipher import DecryptError, decrypt, encrypt
from refunds.errors import AccountUnreadable
from refunds.inputs import RefundRequest

ACCOUNT_FIELDS = ("refund_holder", "refund_bank", "refund_account", "refund_tel")


def encrypted_account_of(request: RefundRequest) -> str:
    """Return the account fields that were typed, encrypted; "" if none was."""
    account = {name: value for name in ACCOUNT_FIELDS if (value := getattr(request, name))}
    return encrypt(json.dumps(account, ensure_ascii=False)) if account else ""


def decrypted_account(encrypted: str) -> dict[str, Any]:
    """Return the account fields by their names. Raises `AccountUnreadable`."""
    try:
        return dict(json.loads(decrypt(encrypted))) if encrypted else {}
    except DecryptError as exc:
        raise AccountUnreadable from exc
