"""The tables in docs/security.md say what everybody is answered everywhere; here they are compared with the truth.

WRITE_ROLES=1 (`make roles`) writes them anew: read the difference as a reviewer would.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import payments.webhooks
from tests.endpoints import endpoints
from tests.proof.roles import CHANGED, COLUMNS, Answers, World, as_markdown, everybodys_answers
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db, pytest.mark.postgres, pytest.mark.timeout(300)]

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "security.md"
BETWEEN = re.compile(r"(<!-- roles -->\n).*?(\n<!-- /roles -->)", re.DOTALL)

# Where a stranger gets further than "sign in first".
OPEN = {
    *("GET /", "GET /healthz/", "POST /healthz/", "GET /api/docs/", "GET /api/schema/", "POST /webhooks/iamport/"),
    *(
        "GET /accounts/login/",
        "POST /accounts/login/",
        "POST /accounts/logout/",
        "GET /admin/login/",
        "POST /admin/login/",
    ),
    *("GET /i18n/setlang/", "POST /i18n/setlang/", "GET /admin/logout/", "POST /admin/logout/"),
}
# What staff need no permission for: their own password, and the frame of the pages.
OF_ALL_STAFF = {
    *("GET /admin/", "POST /admin/", "GET /admin/search/", "POST /admin/search/", "GET /admin/jsi18n/"),
    *("GET /admin/password_change/", "POST /admin/password_change/", "GET /admin/password_change/done/"),
}
# Django sends these on to the page with /change/, where the permission is asked for.
SENT_ON = re.compile(r"/admin/\w+/\w+/<path:object_id>/$")
# That a payment is to be read again is all that a stranger can cause.
STRANGERS_CHANGE = {"POST /webhooks/iamport/"}


@pytest.fixture
def answers(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Answers:
    # What a thread would read is gone before it could.
    monkeypatch.setattr(payments.webhooks, "read_soon", lambda imp_uid: None)
    return everybodys_answers(World(sandbox))


def test_the_tables_in_the_document_are_true_and_whole(answers: Answers) -> None:
    assert {ask.endpoint for ask in answers} == set(endpoints())
    _ensure_right(answers)
    document = DOCUMENT.read_text(encoding="utf-8")
    found = as_markdown(answers)
    if os.environ.get("WRITE_ROLES"):
        DOCUMENT.write_text(BETWEEN.sub(lambda old: old[1] + found + old[2], document), encoding="utf-8")
        return
    told = BETWEEN.search(document)
    assert told, "docs/security.md has lost the marks around its tables"
    assert told[0] == told[1] + found + told[2], "docs/security.md is not true: run `make roles`, and read what changed"


def _ensure_right(answers: Answers) -> None:
    """What must hold whatever the tables say."""
    assert _let_in(answers, "anon") == OPEN
    assert _let_in(answers, "other") <= OPEN
    assert _let_in(answers, "staff") <= OPEN | OF_ALL_STAFF
    for column in ("anon", "other", "staff", "viewer", "accounts", "read token"):
        assert _changed(answers, column) <= STRANGERS_CHANGE, column


def _let_in(answers: Answers, column: str) -> set[str]:
    """Where this column is neither refused nor sent to sign in."""
    found = _told(answers, column)
    return {name for name, told in found.items() if told.startswith(("200", "302")) and "login" not in told}


def _changed(answers: Answers, column: str) -> set[str]:
    return {name for name, told in _told(answers, column).items() if told.endswith(CHANGED)}


def _told(answers: Answers, column: str) -> dict[str, str]:
    place = list(COLUMNS).index(column)
    named = {f"{ask.method} {ask.endpoint.path}{ask.what}": row[place] for ask, row in answers.items()}
    return {name: told for name, told in named.items() if not SENT_ON.search(name)}
