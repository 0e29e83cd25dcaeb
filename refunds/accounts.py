"""The bank accounts refunds went to: kept sealed for a while, shown only to who may see them, then dropped."""

import json
from dataclasses import dataclass

from django.conf import settings

from access.sealing import seal, unseal
from refunds.models import RefundAccount, RefundRecord
from refunds.policies import WireAccount


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account, whole."""

    holder: str
    number: str

    def __repr__(self) -> str:  # it must not reach a log or a traceback
        return "Account(…)"


def keep_account(record: RefundRecord, account: WireAccount) -> None:
    """Keep the account a refund goes to, if it goes to one. Runs inside the reservation's transaction."""
    if account.account and settings.REFUND_ACCOUNT_KEEP_DAYS:
        text = json.dumps({"holder": account.holder, "number": account.account}, ensure_ascii=False)
        RefundAccount.objects.create(refund=record, sealed=seal(text))


def kept_account(record: RefundRecord) -> Account | None:
    """The account a refund went to, or None if it went to none or is no longer kept. Raises `UnsealError`."""
    kept = RefundAccount.objects.filter(refund=record).first()
    return Account(**json.loads(unseal(kept.sealed))) if kept else None
