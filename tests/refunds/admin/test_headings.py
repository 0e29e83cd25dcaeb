"""Headings of the admin's pages and texts of its empty lists, in Korean and English."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core.encryption.cipher import encrypt
from refunds.models import ReconciliationReport, RefundReason
from tests.admin_data import LISTS, fill_the_admin
from tests.factories import make_payment
from tests.sandbox_server import SandboxServer
from webhooks.models import Endpoint

pytestmark = pytest.mark.django_db

# The heading of each list, and the start of the headings of its rows' pages.
HEADINGS = {
    "payments/payment/": ("Payments", "결제 > 결제 내역"),
    "refunds/refundrecord/": ("Refunds", "환불 > 환불 내역"),
    "refunds/refundapproval/": ("Refunds > Approvals", "환불 > 승인 요청"),
    "refunds/refundbatch/": ("Refunds > Bulk refunds", "환불 > 일괄 환불"),
    "refunds/reconciliationreport/": ("Refunds > Reconciliation reports", "환불 > 대조 보고서"),
    "refunds/refundreason/": ("Refunds > Refund reasons", "환불 > 환불 사유"),
    "refunds/buyernotice/": ("Refunds > E-mails to buyers", "환불 > 구매자 안내 메일"),
    "refunds/businessdayexception/": ("Refunds > Business day exceptions", "환불 > 영업일 예외"),
    "webhooks/delivery/": ("Webhooks > Deliveries", "웹훅 > 웹훅 전송"),
    "webhooks/endpoint/": ("Webhooks > Webhook endpoints", "웹훅 > 웹훅 주소"),
    "auth/user/": ("Authentication and Authorization > Users", "인증 및 권한 > 사용자"),
    "auth/group/": ("Authentication and Authorization > Groups", "인증 및 권한 > 그룹"),
    "access/apitoken/": ("Access > API tokens", "접근 권한 > API 토큰"),
    "access/signinfailure/": ("Access > Failed sign-ins", "접근 권한 > 로그인 실패 내역"),
    "access/authenticator/": ("Access > Two-factor devices", "접근 권한 > 2단계 인증 기기"),
}
EMPTY = {
    "en": ("No results", "No entries yet"),
    "ko": ("결과가 없습니다", "아직 항목이 없습니다"),
}
_PART = re.compile(r'truncate tracking-tight">\s*(.*?)\s*</(?:a|span)>')


@pytest.fixture(params=["en", "ko"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def boss(client: Client, language: str) -> Client:
    client.force_login(User.objects.create_superuser("boss", "", "secret"))
    client.cookies["django_language"] = language
    return client


def text_of(client: Client, path: str) -> str:
    answer: Any = client.get(f"/admin/{path}", {"q": "nowhere"} if path in LISTS else {})
    assert answer.status_code == 200, path
    return str(answer.text)


def heading(page: str) -> str:
    return " > ".join(_PART.findall(page))


def test_empty_lists_have_a_heading_and_a_text(boss: Client, language: str) -> None:
    assert HEADINGS.keys() == set(LISTS)
    RefundReason.objects.all().delete()  # the usual ones
    for path, (english, korean) in HEADINGS.items():
        page = text_of(boss, path)
        assert heading(page) == (english if language == "en" else korean)
        assert any(words in page for words in EMPTY[language]), path
        assert f"{heading(page).split(' > ')[-1]} |" in page.partition("</title>")[0], path  # the browser's tab


@pytest.mark.parametrize(("language", "words"), [("en", "No refunds of this order"), ("ko", "이 주문의 환불 내역이")])
def test_an_order_without_refunds_says_so(boss: Client, language: str, words: str) -> None:
    assert words in text_of(boss, f"payments/payment/{make_payment().pk}/change/")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "No discrepancies."),
        ("ko", "불일치가 없습니다."),
    ],
)
def test_report_without_discrepancies_says_so(boss: Client, language: str, words: str) -> None:
    now = timezone.now()
    report = ReconciliationReport.objects.create(since=now, until=now, started_at=now, finished_at=now)
    assert words in text_of(boss, f"refunds/reconciliationreport/{report.pk}/change/")


@pytest.mark.parametrize(("language", "words"), [("en", "None yet."), ("ko", "아직 없습니다.")])
def test_endpoint_without_deliveries_says_so(boss: Client, language: str, words: str) -> None:
    endpoint = Endpoint.objects.create(name="shop", url="https://shop.example", secret=encrypt("secret"))
    assert words in text_of(boss, f"webhooks/endpoint/{endpoint.pk}/change/")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("No open refunds.", "No refunds yet.")),
        ("ko", ("미완료 환불이 없습니다.", "아직 환불 내역이 없습니다.")),
    ],
)
def test_empty_dashboard_says_so(boss: Client, language: str, words: tuple[str, ...]) -> None:
    page = text_of(boss, "")
    assert [text for text in words if text not in page] == []


def test_names_keep_their_letters_and_labels_are_capitalised(boss: Client, sandbox: SandboxServer) -> None:
    """Order numbers and user names keep their first letter: "a-1" does not become "A-1"."""
    for path in fill_the_admin("lower-case"):
        parts = heading(boss.get(f"/admin/{path}", follow=True).text).split(" > ")
        named = [part for part in parts if "lower-case" in part.lower()]
        assert all("Lower-case" not in part for part in named), path
        assert all(part[:1] == part[:1].upper() for part in parts if part not in named), path
        if "/change/" not in path:
            continue
        leads_to = next((list_ for list_ in HEADINGS if path.startswith(list_)), "")
        # The page of an endpoint has its own heading.
        assert leads_to == "webhooks/endpoint/" or " > ".join(parts[:-1]) in HEADINGS[leads_to], path
