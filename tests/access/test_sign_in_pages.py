"""The sign-in pages: who is led where, what a buyer is told at the admin, the demo's accounts, forgotten passwords."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django import Settings

from access.models import ApiToken
from access.tokens.service import create_token
from refunds.demo.orders import ORDERS
from tests.factories import make_payment, make_staff, make_user
from tests.sign_in import ADMIN, BOTH, PASSWORD, SHOP, send_password

pytestmark = pytest.mark.django_db

NEW = "x8-Kd92-ppq"


@pytest.fixture
def english(client: Client) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def test_staff_are_led_to_the_admin_and_buyers_to_their_orders(client: Client) -> None:
    make_user("buyer")
    make_staff()
    assert send_password(client, SHOP, "buyer", PASSWORD).headers["Location"] == "/"
    assert send_password(Client(), SHOP, "staff", PASSWORD).headers["Location"] == "/admin/"
    assert send_password(Client(), f"{SHOP}?next=/api/docs", "staff", PASSWORD).headers["Location"] == "/api/docs"


def test_buyer_at_the_admin_is_told_why_it_does_not_open(english: Client) -> None:
    english.force_login(make_user("buyer"))
    page = english.get("/admin/", follow=True).text
    assert "You are signed in as buyer, which is not a staff account." in page
    assert 'href="/"' in page


def test_signing_out_of_the_admin_ends_at_its_sign_in(client: Client) -> None:
    client.force_login(make_staff())
    assert client.post("/admin/logout/").headers["Location"] == ADMIN
    assert client.get("/admin/").headers["Location"] == f"{ADMIN}?next=/admin/"


def test_admin_sign_in_speaks_the_chosen_language_and_names_an_error_once(client: Client) -> None:
    client.post("/i18n/setlang/", {"language": "en", "next": ADMIN})
    page = send_password(client, ADMIN, "nobody").text
    assert '<button type="submit" name="language" value="ko"' in page
    assert page.count("Please enter the correct username and password") == 1
    assert page.count("errornote") == 1
    assert re.search(r'<input[^>]+name="username"[^>]+aria-describedby="login-problem"', page)


@pytest.mark.parametrize(("debug", "has_orders"), [(True, True), (True, False), (False, True)])
def test_only_the_demo_shows_its_accounts(client: Client, settings: Settings, debug: bool, has_orders: bool) -> None:
    settings.DEBUG = debug
    if has_orders:
        make_payment(imp_uid=ORDERS[0].imp_uid)
    pages = [client.get(page).text for page in BOTH]
    in_demo = debug and has_orders
    assert ["staff-demo" in page for page in pages] == [in_demo, in_demo]
    assert ["buyer-demo" in page for page in pages] == [in_demo, False]


# --- Forgotten passwords ------------------------------------------------------------------------------------


@pytest.fixture
def with_mail(settings: Settings) -> None:
    settings.SENDS_MAIL, settings.SITE_URL = True, "https://refunds.example"
    cache.clear()  # the counts of earlier mails


def ask_for_mail(client: Client, address: str) -> str:
    page = client.post("/accounts/password-reset/", {"email": address}, follow=True).text
    return re.sub(r'csrfmiddlewaretoken" value="\w+"', "", page)


def link_in(message: mail.EmailMessage) -> str:
    found = re.search(r"https?://[^/]+(/\S+)", str(message.body))
    assert found
    return found[1]


@pytest.mark.usefixtures("with_mail", "eager_worker")
def test_forgotten_password_is_replaced_by_mail_once(english: Client, django_capture_on_commit_callbacks: Any) -> None:
    staff = make_staff()
    User.objects.filter(pk=staff.pk).update(email="Staff@shop.example")
    create_token(user=staff, name="web server")
    assert all('href="/accounts/password-reset/"' in english.get(page).text for page in BOTH)

    with django_capture_on_commit_callbacks(execute=True):
        ask_for_mail(english, "staff@shop.example")
    assert "https://refunds.example/accounts/password-reset/" in mail.outbox[0].body
    link = link_in(mail.outbox[0])
    form = english.get(link, follow=True)
    page = form.redirect_chain[-1][0]
    typed = {"new_password1": NEW, "new_password2": NEW}
    assert "required" in english.post(page, typed).text  # what becomes of the token
    done = english.post(page, typed | {"tokens": "revoke"}, follow=True)

    assert "Your password is changed" in done.text
    assert ApiToken.objects.get().revoked_at is not None
    assert send_password(Client(), ADMIN, "staff", NEW).status_code == 302
    assert "no longer valid" in Client(headers={"accept-language": "en"}).get(link, follow=True).text


@pytest.mark.usefixtures("with_mail", "eager_worker")
def test_mails_are_limited_and_reveal_no_accounts(english: Client, django_capture_on_commit_callbacks: Any) -> None:
    make_user("buyer", email="buyer@shop.example")
    with django_capture_on_commit_callbacks() as for_the_worker:
        unknown, known = ask_for_mail(english, "nobody@shop.example"), ask_for_mail(english, "buyer@shop.example")
        assert unknown == known
        assert len(connection.run_on_commit) == 2  # one message each, so both took the same time
        assert {ask_for_mail(english, "buyer@shop.example") for _time in range(6)} == {known}
    assert mail.outbox == []
    for send in for_the_worker:
        send()
    assert len(mail.outbox) == 4  # five an hour from one client


@pytest.mark.parametrize("sends_mail", [False, True])
def test_shop_whose_mails_have_no_links_says_whom_to_ask(english: Client, settings: Settings, sends_mail: bool) -> None:
    settings.SHOP_CONTACT, settings.SENDS_MAIL = "02-1234-5678", sends_mail
    shop, admin = (english.get(page).text for page in BOTH)
    assert "Forgot your password? Please contact us. 02-1234-5678" in shop
    assert "Ask an administrator for a new one." in admin
    assert english.get("/accounts/password-reset/").status_code == 404
