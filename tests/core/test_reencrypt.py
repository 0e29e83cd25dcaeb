"""Key rotation: add the new key first, re-encrypt everything, remove the old key."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from pytest_django import Settings

from core.encryption.cipher import DecryptError, decrypt, encrypt
from refunds.models import RefundAccount, RefundRecord
from refunds.services.bank_accounts import stored_account
from tests.factories import make_refund, make_stored_account

pytestmark = pytest.mark.django_db

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def reencrypt() -> tuple[int, dict[str, Any]]:
    out = StringIO()
    try:
        call_command("reencrypt", "--json", stdout=out)
    except SystemExit as exc:
        return int(exc.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def accounts_column(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        column for column in document["columns"] if column["column"] == "refunds.RefundAccount.encrypted"
    )
    return found


@pytest.fixture
def refund(settings: Settings) -> RefundRecord:
    settings.ENCRYPTION_KEYS = (OLD,)
    refund = make_refund()
    make_stored_account(refund)
    return refund


def test_after_reencrypting_the_old_key_can_be_removed(settings: Settings, refund: RefundRecord) -> None:
    settings.ENCRYPTION_KEYS = (NEW, OLD)
    exit_code, document = reencrypt()
    settings.ENCRYPTION_KEYS = (NEW,)

    account = stored_account(refund)
    assert account is not None
    assert account.number == "110123456789"
    assert (exit_code, document["ok"]) == (0, True)
    column = {"column": "refunds.RefundAccount.encrypted", "reencrypted": 1, "current": 0, "unreadable": []}
    assert accounts_column(document) == column


def test_second_reencryption_changes_nothing(settings: Settings, refund: RefundRecord) -> None:
    settings.ENCRYPTION_KEYS = (NEW, OLD)
    reencrypt()
    before = RefundAccount.objects.get().encrypted
    assert accounts_column(reencrypt()[1])["current"] == 1
    assert RefundAccount.objects.get().encrypted == before


def test_undecryptable_rows_are_reported_and_unchanged(settings: Settings, refund: RefundRecord) -> None:
    before = RefundAccount.objects.get().encrypted
    settings.ENCRYPTION_KEYS = (NEW,)
    exit_code, document = reencrypt()

    assert exit_code == 1
    assert accounts_column(document)["unreadable"] == [RefundAccount.objects.get().pk]
    assert RefundAccount.objects.get().encrypted == before


def test_plain_text_cannot_be_stored_in_an_encrypted_column() -> None:
    with pytest.raises(ValueError, match="not encrypted") as caught:
        RefundAccount.objects.create(refund=make_refund(), encrypted="110123456789")
    assert "110123456789" not in str(caught.value)


def test_removed_key_decrypts_nothing(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = (OLD,)
    encrypted = encrypt("secret")
    settings.ENCRYPTION_KEYS = (NEW,)
    with pytest.raises(DecryptError):
        decrypt(encrypted)


def test_every_encrypted_column_is_reencrypted() -> None:
    columns = {column["column"] for column in reencrypt()[1]["columns"]}
    assert columns == {
        "access.Authenticator.encrypted_secret",
        "webhooks.Endpoint.secret",
        "webhooks.Endpoint.old_secret",
        "refunds.RefundAccount.encrypted",
        "refunds.RefundApproval.encrypted_account",
        "refunds.RefundBatchItem.encrypted_account",
        "refunds.RefundBatchItem.encrypted_row",
    }
