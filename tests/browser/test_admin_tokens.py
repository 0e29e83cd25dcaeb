"""The page of a new token in a real browser: copied with one click, not shown again after a reload."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from access.models import ApiToken
from access.tokens.service import find_token
from tests.factories import make_staff

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_new_token_is_copied_and_hidden_after_a_reload(page: Page, live_server: LiveServer) -> None:
    make_staff("add_apitoken", "view_apitoken", "change_apitoken")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{live_server.url}/admin/access/apitoken/add/")
    page.fill("[name=username]", "staff")
    page.fill("[name=password]", "secret")
    page.press("[name=password]", "Enter")
    page.fill("[name=name]", "쇼핑몰 웹 서버")
    with page.expect_navigation():  # until its script has run
        page.click("[name=_save]")

    secret = page.input_value("#token")
    page.click("[data-copy]")
    page.wait_for_function("secret => navigator.clipboard.readText().then((text) => text === secret)", arg=secret)
    assert find_token(secret) is not None

    token = ApiToken.objects.get()
    for again in (page.reload, lambda: page.goto("about:blank"), page.go_back):
        again()
    expect(page).to_have_url(re.compile(rf"/apitoken/{token.pk}/change/$"))
    expect(page.locator("[data-state=active]")).to_be_visible()
    assert secret not in page.content()

    page.click(f"a[href$='/{token.pk}/revoke/']")
    page.click("form.rd-close button[type=submit]")
    expect(page.locator("[data-state=revoked]")).to_be_visible()
    assert ApiToken.objects.count() == 1
