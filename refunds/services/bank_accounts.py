"""The bank accounts that refunds went to: stored encrypted, shown to those who may see them, deleted after a while."""

import json
import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core.encryption.cipher import DecryptError, decrypt, encrypt
from payments.models import Payment
from refunds.errors import AccountNotKept, AccountUnreadable
from refunds.ledger import add_event
from refunds.models import RefundAccount, RefundEvent, RefundRecord
from refunds.policies import WireAccount
from refunds.policies.bank_accounts import account_digits, written
from refunds.services.encrypted_accounts import decrypted_account

logger = logging.getLogger(__name__)

SHOWN, DROPPED = "account_shown", "account_dropped"  # codes of events
_BATCH = 500
_SHORTEST_MASKED = 8  # digits; anything may have fewer


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account with its holder and full number."""

    holder: str
    number: str

    def __repr__(self) -> str:  # the account must not reach a log or a traceback
        return "Account(…)"


def store_account(record: RefundRecord, account: WireAccount) -> None:
    """Store the account that a refund goes to, if any. Runs inside the reservation's transaction."""
    if account.account and settings.REFUND_ACCOUNT_KEEP_DAYS:
        text = json.dumps({"holder": account.holder, "number": account.account}, ensure_ascii=False)
        RefundAccount.objects.create(refund=record, encrypted=encrypt(text))


def stored_account(record: RefundRecord) -> Account | None:
    """Return the account that a refund went to; None if there was none or it is deleted. Raises `DecryptError`."""
    kept = RefundAccount.objects.filter(refund=record).first()
    return open_account(kept) if kept else None


def open_account(kept: RefundAccount) -> Account:
    """Decrypt holder and number. Raises `DecryptError`."""
    return Account(**json.loads(decrypt(kept.encrypted)))


def show_account(*, record: RefundRecord, viewer: str) -> Account:
    """Return the full account that a refund went to, after committing to its timeline that `viewer` saw it.

    Raises `AccountNotKept`, `AccountUnreadable`; then nothing was written.
    """
    try:
        account = stored_account(record)
    except DecryptError as exc:
        logger.exception("refund %s: its account cannot be read", record.number)
        raise AccountUnreadable from exc
    if account is None:
        raise AccountNotKept(why_not_kept(record))
    with transaction.atomic(durable=True):
        add_event(record, code=SHOWN, now=timezone.now(), actor=viewer)
    return account


def without_accounts(text: str, payment: Payment) -> str:
    """Mask the account numbers of this payment's refunds, as far as they are known here, in what staff wrote.

    The last four digits stay. Other numbers stay as they are: nobody can tell an account from a parcel's number.
    """
    for number in accounts_maybe_in(text, payment):
        text = re.sub(rf"(?<!\d){written(number).pattern}(?!\d)", f"••••{number[-4:]}", text)
    return text


def accounts_maybe_in(text: str, payment: Payment) -> frozenset[str]:
    """Return the account numbers, as digits, of the payment's refunds and of its request that waits for approval.

    Reads nothing if the text has too few digits to contain one.
    """
    if sum(map(str.isdecimal, text)) < _SHORTEST_MASKED:
        return frozenset()
    numbers: list[str] = []
    for kept in RefundAccount.objects.filter(refund__payment=payment):
        with suppress(DecryptError):  # nobody can read it here
            numbers.append(open_account(kept).number)
    for approval in payment.approvals.waiting():
        with suppress(AccountUnreadable):
            numbers.append(decrypted_account(approval.encrypted_account).get("refund_account", ""))
    return frozenset(digits for number in numbers if len(digits := account_digits(number)) >= _SHORTEST_MASKED)


def is_kept(record: RefundRecord) -> bool:
    return RefundAccount.objects.filter(refund=record).exists()


def why_not_kept(record: RefundRecord) -> str:
    """Return a sentence for staff: since when the account is no longer stored, or that it never was."""
    dropped = record.events.filter(code=DROPPED).first()
    if dropped is None:
        return _("The full account number was never stored. Only its last digits are known.")
    at = date_format(timezone.localtime(dropped.at), "Y-m-d H:i")
    return _("The full account number was deleted at %(at)s. Only its last digits are known.") % {"at": at}


def drop_old_accounts(now: datetime) -> int:
    """Delete the accounts of refunds that settled REFUND_ACCOUNT_KEEP_DAYS ago or before; return how many.

    Open refunds keep theirs. Each timeline notes the deletion. Safe to run twice at once.
    """
    settled_by = now - timedelta(days=settings.REFUND_ACCOUNT_KEEP_DAYS)
    dropped = 0
    while count := _drop_batch(settled_by, now):
        dropped += count
    return dropped


@transaction.atomic(durable=True)
def _drop_batch(settled_by: datetime, now: datetime) -> int:
    old = RefundAccount.objects.filter(refund__settled_at__lte=settled_by).select_related("refund")
    # Skip another run's batch: that run deletes it and notes it once.
    batch = list(old.select_for_update(of=("self",), skip_locked=True).order_by("pk")[:_BATCH])
    RefundEvent.objects.bulk_create(
        RefundEvent(refund=kept.refund, at=now, status=kept.refund.status, code=DROPPED) for kept in batch
    )
    RefundAccount.objects.filter(pk__in=[kept.pk for kept in batch]).delete()
    return len(batch)
