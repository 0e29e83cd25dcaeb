"""Compare the tables in docs/security.md, the response to each role at each URL, with the real responses.

WRITE_ROLES=1 (`make roles`) rewrites the tables: review the diff.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.proof.roles import CHANGED, COLUMNS, Answers, World, all_answers, as_markdown, parts
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db, pytest.mark.postgres, pytest.mark.timeout(300)]

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "security.md"
BETWEEN = re.compile(r"(<!-- roles -->\n).*?(<!-- /roles -->)", re.DOTALL)

# Requests that visitors may make without signing in.
OPEN = {
    *("GET /", "GET /healthz/", "GET /readyz/", "GET /api/docs/", "GET /api/schema/", "POST /webhooks/iamport/"),
    *(
        "GET /accounts/login/",
        "POST /accounts/login/",
        "POST /accounts/logout/",
        "GET /admin/login/",
        "POST /admin/login/",
    ),
    *("GET /i18n/setlang/", "POST /i18n/setlang/"),
}
# Lists of the user's own orders, and the reasons that the shop offers.
OF_ALL_SIGNED_IN = {"GET /payments/", "GET /refunds/", "GET /approvals/", "GET /refund-reasons/"}
# Open to all staff: their own password and second factor, and parts of every page.
OWN_SECOND_FACTOR = {
    *("GET /admin/two-factor/", "POST /admin/two-factor/begin/", "GET /admin/two-factor/off/"),
    *("GET /admin/two-factor/set-up/", "POST /admin/two-factor/set-up/", "POST /admin/two-factor/off/"),
    *("GET /admin/two-factor/backup-codes/", "POST /admin/two-factor/backup-codes/"),
}
OF_ALL_STAFF = {
    *("GET /admin/", "POST /admin/", "GET /admin/search/", "POST /admin/search/", "GET /admin/jsi18n/"),
    *("GET /admin/password_change/", "POST /admin/password_change/", "GET /admin/password_change/done/"),
}
# Django redirects these to the /change/ page, which checks the permission.
SENT_ON = re.compile(r"/admin/\w+/\w+/<path:object_id>/$")
# A visitor can only cause a payment to be fetched again.
STRANGERS_CHANGE = {"POST /webhooks/iamport/"}
# They only write a log entry.
NOTED = {
    *("POST /admin/payments/payment/export/", "POST /admin/refunds/refundrecord/export/"),
    "POST /admin/refunds/refundrecord/<int:pk>/account/",
}


PARTS = parts()


@pytest.mark.parametrize("part", PARTS)
def test_table_in_the_document_matches_the_responses(part: str, sandbox: SandboxServer) -> None:
    answers = all_answers(World(sandbox), PARTS[part])
    if os.environ.get("WRITE_ROLES"):
        _write(part, as_markdown(answers))
    _ensure_right(answers)
    table = _tables().get(part)
    assert table == as_markdown(answers), "docs/security.md is out of date: run `make roles` and review the diff"


def test_document_has_a_table_for_each_part_of_the_site() -> None:
    if os.environ.get("WRITE_ROLES"):
        _write_all({part: _tables().get(part, "") for part in sorted(PARTS)})
    assert list(_tables()) == sorted(PARTS)


def _tables() -> dict[str, str]:
    """Return the tables of the document by their titles."""
    found = BETWEEN.search(DOCUMENT.read_text(encoding="utf-8"))
    assert found, "docs/security.md has lost the marks around its tables"
    return dict(re.findall(r"^\*\*(.+)\*\*\n\n((?:\|.*\n)*\|.*)$", found[0], re.MULTILINE))


def _write(part: str, table: str) -> None:
    _write_all(dict(sorted({**_tables(), part: table}.items())))


def _write_all(tables: Mapping[str, str]) -> None:
    text = "\n\n".join(f"**{part}**\n\n{table}" for part, table in tables.items())
    document = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(BETWEEN.sub(lambda old: f"{old[1]}\n{text}\n{old[2]}", document), encoding="utf-8")


def _ensure_right(answers: Answers) -> None:
    """Check the rules that no regenerated table may break."""
    requested = set(_responses(answers, "anon"))
    assert _let_in(answers, "anon") == OPEN & requested
    assert _let_in(answers, "other") <= OPEN | OF_ALL_SIGNED_IN
    assert _let_in(answers, "staff") <= OPEN | OF_ALL_SIGNED_IN | OF_ALL_STAFF | OWN_SECOND_FACTOR
    for column in ("anon", "other", "read token"):
        assert _changed(answers, column) <= STRANGERS_CHANGE, column
    assert _changed(answers, "staff") <= STRANGERS_CHANGE | OWN_SECOND_FACTOR
    for column in ("viewer", "accounts"):
        assert _changed(answers, column) <= STRANGERS_CHANGE | OWN_SECOND_FACTOR | NOTED, column


def _let_in(answers: Answers, column: str) -> set[str]:
    """Return the URLs where this column is neither refused nor sent to sign in."""
    found = _responses(answers, column)
    return {name for name, response in found.items() if response.startswith(("200", "302")) and "login" not in response}


def _changed(answers: Answers, column: str) -> set[str]:
    return {name for name, response in _responses(answers, column).items() if response.endswith(CHANGED)}


def _responses(answers: Answers, column: str) -> dict[str, str]:
    place = list(COLUMNS).index(column)
    named = {f"{request.method} {request.endpoint.path}{request.what}": row[place] for request, row in answers.items()}
    return {name: response for name, response in named.items() if not SENT_ON.search(name)}
