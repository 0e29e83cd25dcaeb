"""Error pages of the admin stay in the admin, in the reader's language, and lead on."""

from __future__ import annotations

import html
import re
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.utils import translation

from core.request_ids import new_request_id
from refunds.api.error_pages import server_error
from tests.factories import make_staff

UPLOAD = "/admin/refunds/refundbatch/new/"
BACK = {"en": "Back to the overview", "ko": "현황으로 돌아가기"}
HEADINGS = {
    403: {"en": "You don't have access", "ko": "이 페이지를 볼 권한이 없습니다"},
    404: {"en": "Page not found", "ko": "페이지를 찾을 수 없습니다"},
    405: {"en": "This page opens only from its form", "ko": "입력 화면을 통해서만 열 수 있는 페이지입니다"},
    413: {"en": "The request is too large", "ko": "요청이 너무 큽니다"},
    429: {"en": "Please wait", "ko": "잠시 후 다시 시도해 주세요"},
}
REQUEST_NUMBER = re.compile(r'<code id="request-number">([0-9a-f]{32})</code>')


@pytest.fixture(params=["en", "ko"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visitor(client: Client, language: str) -> Client:
    client.cookies["django_language"] = language
    return client


def too_large(client: Client, path: str) -> Any:
    body = b"x" * (settings.MAX_BODY_BYTES + 1)
    return client.post(path, body, content_type="application/x-www-form-urlencoded")


def problems(answer: Any, status: int, language: str, *, menu: bool) -> list[str]:
    page = html.unescape(answer.text)
    expected = {
        "status": answer.status_code == status,
        "heading": f"{HEADINGS[status][language]}</h1>" in page,
        "way back": f'href="/admin/">{BACK[language]}' in page,
        "request number": len(REQUEST_NUMBER.findall(page)) == 1,
        "menu": ('id="nav-sidebar' in page) is menu,
    }
    return [name for name, met in expected.items() if not met]


@pytest.mark.django_db
def test_signed_in_staff_keep_the_menu(visitor: Client, language: str) -> None:
    visitor.force_login(make_staff("refund_payment", "view_payment"))

    assert problems(visitor.get("/admin/auth/user/"), 403, language, menu=True) == []
    assert problems(visitor.get("/admin/no-such-page/"), 404, language, menu=True) == []
    refused = visitor.post("/admin/refunds/refundbatch/template/csv/")
    assert problems(refused, 405, language, menu=True) == []
    assert refused["Allow"] == "GET, HEAD"
    assert problems(too_large(visitor, "/admin/payments/payment/"), 413, language, menu=True) == []
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visitor.cookies
    form = strict.post("/admin/password_change/")
    assert (form.status_code, BACK[language] in form.text, 'id="nav-sidebar' in form.text) == (403, True, True)


@pytest.mark.django_db
def test_visitors_see_a_plain_page(visitor: Client, language: str) -> None:
    for _try in range(settings.AXES_FAILURE_LIMIT + 1):
        locked = visitor.post("/admin/login/", {"username": "nobody", "password": "wrong"})

    assert problems(locked, 429, language, menu=False) == []
    assert problems(too_large(visitor, "/admin/login/"), 413, language, menu=False) == []
    unreadable = visitor.get("/admin/?q=%00")
    assert (unreadable.status_code, BACK[language] in unreadable.text) == (400, True)


def test_page_of_a_server_error_needs_no_database(rf: RequestFactory, language: str) -> None:
    request = rf.get("/admin/")
    request.user = User(is_staff=True, username="staff")

    with translation.override(language), new_request_id() as number:
        page = server_error(request)

    assert (page.status_code, BACK[language] in page.text, number in page.text) == (500, True, True)


@pytest.mark.django_db
def test_file_that_is_too_large_comes_back_as_a_message_on_the_form(visitor: Client, language: str) -> None:
    visitor.force_login(make_staff("refund_payment", "view_payment"))

    for size in (10_000_001, settings.MAX_UPLOAD_BYTES + 1):
        file = SimpleUploadedFile("orders.csv", b"x" * size)
        answer = visitor.post(UPLOAD, {"token": uuid.uuid4(), "file": file})

        assert 'data-code="too_large" data-field="file"' in answer.text, size
        assert 'name="token"' in answer.text
