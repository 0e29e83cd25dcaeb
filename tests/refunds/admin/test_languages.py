"""Every page of the admin is entirely in the reader's language."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.admin_data import AT_IMPORT, fill_the_admin
from tests.admin_pages import confirmation, fill
from tests.factories import paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

THEIRS = "취소금액이 미정산 금액보다 큽니다."
HANGUL = re.compile(r"[가-힣]+")
# Words, without abbreviations (API), numbers that contain letters, such as a refund's, and hash prefixes.
LATIN = re.compile(r"(?<!\w)[A-Z]?[a-z]{3,}(?![\w*])")
# Not translated: the other language's name, products, formats, keys of the keyboard, examples, names in the API.
NAMES = {
    *("한국어", "English", "xlsx", "esc", "https", "shop", "example", "refund", "events", "succeeded"),
    *("Single", "Sign", "Google", "Microsoft", "Authenticator"),
    *("manage", "reconcile", "Excel"),
}
HIDDEN = ("script", "style", "template")
READ_OUT = ("placeholder", "title", "aria-label", "data-once")


class Reader(HTMLParser):
    """Collect the visible text of a page, with tooltips and placeholders."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._silent = tag in HIDDEN or "material-symbols" in (given.get("class") or "")
        self.words += [given[name] or "" for name in READ_OUT if name in given]

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("1", "", "secret"))
    return client


def words(client: Client, path: str, language: str) -> str:
    client.cookies["django_language"] = language
    answer: Any = client.get(f"/admin/{path}", follow=True)
    assert answer.status_code == 200, path
    reader = Reader()
    reader.feed(answer.text)
    return " ".join(reader.words)


@pytest.mark.parametrize(("language", "text", "foreign"), [("en", "plain-words", HANGUL), ("ko", "우리말", LATIN)])
def test_every_page_is_in_the_readers_language_only(
    boss: Client, sandbox: SandboxServer, language: str, text: str, foreign: re.Pattern[str]
) -> None:
    sandbox.create_payment(**AT_IMPORT)
    Group.objects.all().delete()  # their names are in the installation's language
    found = {path: set(foreign.findall(words(boss, path, language))) - NAMES for path in fill_the_admin(text)}
    assert {path: left for path, left in found.items() if left} == {}


def test_failures_are_told_in_the_readers_language_whoever_asked(boss: Client, sandbox: SandboxServer) -> None:
    """Our sentences are in the reader's language on every page, in files and answers; i'mport's words stay."""
    missed, busy = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox)
    sandbox.console_cancel(missed.imp_uid, 1_000, "in the console")
    sandbox.fault("cancel", "refuse", times=1, message=THEIRS)
    boss.cookies["django_language"] = "ko"
    results = [fill(boss, confirmation(boss, missed), {missed: {"amount": "2000"}})["Location"]]
    sandbox.fault("cancel", "http_429", times=1)
    results.append(fill(boss, confirmation(boss, busy), {busy: {}})["Location"])
    refused, not_sent = missed.refunds.get(source="admin"), busy.refunds.get()

    pages = [*results, *(f"/admin/refunds/refundrecord/{each.pk}/change/" for each in (refused, not_sent))]
    pages += [f"/admin/payments/payment/{each.pk}/change/" for each in (missed, busy)]
    boss.cookies["django_language"] = "en"
    shown = [html.unescape(boss.get(page).text) for page in pages]
    exported: Any = boss.post("/admin/refunds/refundrecord/export/", {"format": "csv"})
    shown.append(b"".join(exported.streaming_content).decode())
    api = boss.get(f"/payments/{missed.merchant_uid}/refunds", headers={"Accept-Language": "en"}).json()
    shown.append(next(each["message"] for each in api["results"] if each["id"] == refused.pk))

    missed_text = (
        "Not refunded: ₩1,000 had already been refunded in i'mport and is now recorded. ₩9,000 is left; check the "
        f"amount and try again. i'mport said: {THEIRS}"
    )
    busy_text = "i'mport is receiving too many requests. Try again in a minute."
    assert [missed_text in text for text in shown] == [True, False, True, False, True, False, True, True]
    assert [busy_text in text for text in shown] == [False, True, False, True, False, True, True, False]
