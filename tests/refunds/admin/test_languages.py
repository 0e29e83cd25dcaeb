"""Every page of the admin and of the shop is entirely in the reader's language."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from payments.models import Payment
from refunds.models import RefundReason, RefundRecord, RefusalClass
from tests.admin_data import AT_IMPORT, fill_the_admin
from tests.admin_pages import confirmation, fill
from tests.factories import make_payment, make_refund, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

THEIRS = "취소금액이 미정산 금액보다 큽니다."
HANGUL = re.compile(r"[가-힣]+")
# Words, without abbreviations (API), numbers that contain letters, such as a refund's, and hash prefixes.
LATIN = re.compile(r"(?<!\w)[A-Z]?[a-z]{3,}(?![\w*])")
# Not translated: the other language's name, products, formats, keys of the keyboard, examples, names in the API.
NAMES = {
    *("한국어", "English", "xlsx", "esc", "https", "shop", "example", "refund", "events", "succeeded", "refused"),
    *("Single", "Sign", "Google", "Microsoft", "Authenticator"),
    *("manage", "reconcile", "Excel", "com"),
}
METHODS = (("naverpay", "naverpay"), ("kakaopay", "kakaopay"), ("phone", "danal"), ("vbank", "danal"), ("cvs", "kcp"))
PLACEHOLDER = re.compile(r"\{\w+\}")  # of the shop's script
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


def words(client: Client, path: str, language: str, *, status: int = 200) -> str:
    client.cookies["django_language"] = language
    answer: Any = client.get(path, follow=True)
    assert answer.status_code == status, path
    reader = Reader()
    reader.feed(answer.text.replace("<wbr>", ""))
    return PLACEHOLDER.sub("", " ".join(reader.words))


@pytest.mark.parametrize(("language", "text", "foreign"), [("en", "plain-words", HANGUL), ("ko", "우리말", LATIN)])
def test_every_page_is_in_the_readers_language_only(
    boss: Client, sandbox: SandboxServer, language: str, text: str, foreign: re.Pattern[str]
) -> None:
    sandbox.create_payment(**AT_IMPORT)
    Group.objects.all().delete()  # their names are in the installation's language
    RefundReason.objects.all().delete()  # they have a name in each language
    # The wording of an e-mail is in the language of the e-mail.
    paths = [path for path in fill_the_admin(text) if "/wording/" not in path or f"/{language}/" in path]
    found = {path: set(foreign.findall(words(boss, f"/admin/{path}", language))) - NAMES for path in paths}
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


def payments_and_refunds(user: User, text: str) -> tuple[list[Payment], list[RefundRecord]]:
    """Create payments of all states, methods and issuers, and refunds of all states and refusals."""
    common = {"user": user, "name": text, "merchant_uid": text, "buyer_name": text}
    card = {"card_code": "381", "card_name": "국민카드", "card_number": "557042******2075", **common}
    account = {"vbank_code": "004", "vbank_name": "국민은행", "vbank_num": "123", "vbank_holder": text, **common}
    paid = {"paid_at": timezone.now() - timedelta(days=3)}
    payments = [
        make_payment(**card),
        make_payment(cancel_amount=Decimal(4_000), status="cancelled", **card),
        make_payment(cancel_amount=Decimal(10_000), status="cancelled", **card),
        make_payment(status="failed", paid_at=None, fail_reason="한도초과", **card),
        make_payment(status="cancelled", paid_at=None, **card),
        make_payment(status="pending", pay_method="paypal", pg_provider="paypal", **common),
        make_payment(status="ready", paid_at=None, pay_method="vbank", pg_provider="danal", **account),
        make_payment(pay_method="vbank", pg_provider="html5_inicis", **account),
        make_payment(pay_method="trans", bank_code="090", bank_name="카카오뱅크", **common),
        *(make_payment(pay_method=method, pg_provider=pg, **common, **paid) for method, pg in METHODS),
    ]
    said = {"reason": text, "requested_by_name": text}
    states = [{"status": state} for state in ("succeeded", "requested", "pending", "unknown")]
    refused = [{"status": "failed", "error_code": "refused", "refusal_class": each} for each in RefusalClass.values]
    refused += [{"status": "failed", "error_code": "gateway_unavailable"}]
    refunds = [make_refund(make_payment(**card), **each, **said) for each in (*states, *refused)]
    return payments, refunds


@pytest.mark.parametrize(("language", "text", "foreign"), [("en", "plain-words", HANGUL), ("ko", "우리말", LATIN)])
def test_payments_and_refunds_of_every_kind_are_in_the_readers_language_only(
    client: Client, language: str, text: str, foreign: re.Pattern[str]
) -> None:
    boss = User.objects.create_superuser("1", "", "secret")
    payments, refunds = payments_and_refunds(boss, text)
    paths = [
        *("/accounts/login/", "/admin/login/", "/", "/admin/payments/payment/", "/admin/refunds/refundrecord/"),
        *(f"/orders/{payment.imp_uid}/refund" for payment in payments),
        *(f"/orders/{refund.payment.imp_uid}/refunds/{refund.pk}" for refund in refunds),
        *(f"/admin/payments/payment/{payment.pk}/change/" for payment in payments),
        *(f"/admin/payments/payment/refund/?ids={payment.pk}" for payment in payments),
        *(f"/admin/refunds/refundrecord/{refund.pk}/change/" for refund in refunds),
    ]
    found = {}
    for path in paths:
        client.force_login(boss)
        if path.endswith("/login/"):
            client.logout()
        found[path] = set(foreign.findall(words(client, path, language))) - NAMES
    for path in ("/nowhere", "/admin/nowhere"):
        found[path] = set(foreign.findall(words(client, path, language, status=404))) - NAMES

    # i'mport's and the PG's own words are kept as they are, on staff's pages.
    assert {path: left for path, left in found.items() if left - {"한도초과"}} == {}
