"""Attacks through a browser: CSRF, framing, open redirects, forged hosts, cookies and sessions that do not end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import Settings
from time_machine import travel

from tests.factories import make_payment, make_staff, make_user
from tests.sign_in import ADMIN, BOTH, PASSWORD, SHOP, is_signed_in, send_password, with_device
from tests.test_config import PRODUCTION
from tests.unrendered import pages_unrendered

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
EVIL = ("https://evil.example/", "//evil.example", r"/\evil.example", "javascript:alert(1)", "http:///evil.example")


@pytest.fixture
def root() -> User:
    return make_user("root", is_staff=True, is_superuser=True)


def addresses() -> Iterator[tuple[str, str]]:
    """Yield every URL of the site, with values for its parameters, and the name of its view."""
    yield from _below(get_resolver(), "/")


def _below(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _below(pattern, prefix + _filled(str(pattern.pattern)))
        elif isinstance(pattern, URLPattern):
            yield prefix + _filled(str(pattern.pattern)), f"{pattern.name}"


def _filled(pattern: str) -> str:
    """Return the pattern of a route or of a regular expression as a URL."""
    pattern = re.sub(r"\(\?P<app_label>[^()]*\)", "auth", pattern)
    pattern = re.sub(r"<uuid:\w+>", "7c0f7cf4-8a53-4f0a-9c3e-8b1d5f0c9a11", pattern)
    pattern = re.sub(r"\(\?P<\w+>[^()]*\)|<(?:\w+:)?\w+>", "1", pattern)
    return pattern.removeprefix("^").replace("/?$", "").replace("$", "")


ADDRESSES = sorted(set(addresses()))
# i'mport sends no CSRF token, and its content is never trusted.
WITHOUT_TOKEN = {"iamport-webhook": {400, 415}}


def test_url_list_covers_the_whole_site() -> None:
    names = {name for _path, name in ADDRESSES}

    assert {
        "cancel-payment",
        "login",
        "login-code",
        "two-factor-off",
        "payments_payment_refund",
        "set_language",
    } <= names
    assert not [path for path, _name in ADDRESSES if set(path) & set("<>(?)^$")]


# --- Forged posts and frames --------------------------------------------------------------------------------------


def short_failure(_request: HttpRequest, reason: str = "") -> HttpResponse:
    return HttpResponse(f"CSRF: {reason}", status=403)


def test_every_post_without_a_csrf_token_is_rejected(root: User, settings: Settings) -> None:
    settings.CSRF_FAILURE_VIEW = f"{__name__}.{short_failure.__name__}"
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(root)
    typed = {"username": "root", "password": PASSWORD, "language": "en", "post": "yes"}

    def post_without_cookie(path: str) -> Any:
        browser.cookies.pop("csrftoken", None)  # of the page before
        return browser.post(path, typed)

    answers = {(path, name): post_without_cookie(path) for path, name in ADDRESSES}

    # A read-only URL rejects the method; all others reject the POST because its CSRF token is missing.
    refused = {403: ("csrf", "sent no cookie"), 405: ("",)}
    accepted = [
        path
        for (path, name), answer in answers.items()
        if answer.status_code not in WITHOUT_TOKEN.get(name, ())
        and not any(word in answer.text.lower() for word in refused.get(answer.status_code, ()))
    ]
    assert accepted == []


def test_post_from_another_site_is_rejected_even_with_a_token(root: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.get(SHOP)
    token = browser.cookies["csrftoken"].value
    typed = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": token}

    assert browser.post(SHOP, typed, HTTP_ORIGIN="https://evil.example").status_code == 403
    assert browser.post(SHOP, typed, HTTP_ORIGIN="http://testserver").status_code == 302


BEHIND_PROXY = {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "testserver:8443"}


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"HTTP_ORIGIN": "https://testserver:8443"}, ""),
        ({"HTTP_REFERER": "https://testserver:8443/accounts/login/"}, ""),
        ({"HTTP_ORIGIN": "https://testserver:8443", "HTTP_X_FORWARDED_HOST": "testserver"}, "another address"),
        ({"HTTP_REFERER": "https://testserver:8443/", "HTTP_X_FORWARDED_HOST": "testserver"}, "another address"),
        ({"HTTP_ORIGIN": "https://testserver:8443", "HTTP_X_FORWARDED_PROTO": "http"}, "another address"),
        ({"HTTP_ORIGIN": "null"}, "another address"),
        ({"HTTP_ORIGIN": "https://testserver:8443", "HTTP_COOKIE": ""}, "sent no cookie"),
        ({"HTTP_ORIGIN": "https://testserver:8443", "HTTP_COOKIE": f"csrftoken={'x' * 32}"}, "page has expired"),
    ],
)
def test_rejected_form_names_the_true_cause(
    settings: Settings, root: User, headers: dict[str, str], words: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER, settings.USE_X_FORWARDED_HOST = ("HTTP_X_FORWARDED_PROTO", "https"), True
    browser = Client(enforce_csrf_checks=True)
    browser.get(SHOP, **BEHIND_PROXY)
    token = browser.cookies["csrftoken"].value
    typed = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": token}

    answer = browser.post(SHOP, typed, **{**BEHIND_PROXY, **headers})

    assert answer.status_code == (403 if words else 302)
    assert words in answer.text


HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize("signed_in", [True, False])
def test_every_response_has_the_security_headers(root: User, signed_in: bool) -> None:
    browser = Client(raise_request_exception=False)
    if signed_in:
        browser.force_login(root)
    for path, name in ADDRESSES:
        if name == "logout":
            continue
        with pages_unrendered():
            headers = browser.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert {header: headers[header] for header in HEADERS} == HEADERS, path
        assert policy.startswith("default-src 'none'; script-src 'self'"), path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", ""), path
        assert "unsafe" not in policy or path.startswith("/admin"), path
        assert "camera=()" in headers["Permissions-Policy"], path
        assert {"no-store", "private"} <= set(re.split(r",\s*", headers["Cache-Control"])), path


def test_static_files_may_be_cached(client: Client, settings: Settings) -> None:
    settings.WHITENOISE_USE_FINDERS = True
    headers = client.head("/static/storefront/base.css").headers

    assert "public" in headers["Cache-Control"]
    assert headers["Content-Security-Policy"]


def test_no_admin_page_opens_without_the_second_factor(root: User) -> None:
    browser = Client()
    browser.force_login(root)
    with_device(root)
    locations = {
        path: browser.get(path).headers.get("Location", "")
        for path, name in ADDRESSES
        if path.startswith("/admin/") and name not in {"login", "admin-login", "logout", "admin-logout"}
    }

    assert [path for path, location in locations.items() if not location.startswith((ADMIN, "/admin/"))] == []
    assert not is_signed_in(browser)


# --- Redirects and hosts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("path", BOTH)
def test_login_redirects_to_this_site_only(root: User, path: str, evil: str) -> None:
    for answer in (
        Client().post(path, {"username": "root", "password": PASSWORD, "next": evil}),
        send_password(Client(), f"{path}?next={evil}", "root", PASSWORD),
    ):
        assert answer.headers["Location"] in {"/", "/admin/"}


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize(
    "path", ["/i18n/setlang/", "/accounts/logout/", "/admin/logout/", "/admin/payments/payment/check/"]
)
def test_no_other_page_redirects_to_another_site(root: User, path: str, evil: str) -> None:
    browser = Client()
    browser.force_login(root)
    typed = {"next": evil, "language": "en", "back": evil, "ids": ""}
    answer = browser.post(path, typed, HTTP_REFERER="https://evil.example/")

    assert "evil" not in answer.headers.get("Location", "")


def test_unknown_host_is_rejected(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["refunds.example"]

    assert client.get("/", HTTP_HOST="evil.example").status_code == 400
    assert client.get("/", HTTP_HOST="refunds.example").status_code == 200
    assert client.get("/", HTTP_HOST="refunds.example", HTTP_X_FORWARDED_HOST="evil.example").status_code == 200


def test_forwarded_host_is_used_and_checked_behind_a_proxy_only(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["refunds.example"]
    settings.USE_X_FORWARDED_HOST = True

    assert client.get("/", HTTP_HOST="refunds.example", HTTP_X_FORWARDED_HOST="evil.example").status_code == 400


# --- Cookies and sessions -----------------------------------------------------------------------------------------

COOKIES = """
import json, django
from django.conf import settings
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from django.test import Client
User.objects.create_user("buyer", password="secret")
browser = Client(HTTP_HOST="refunds.example")
browser.get("/accounts/login/", secure=True)
answer = browser.post("/accounts/login/", {"username": "buyer", "password": "secret"}, secure=True)
browser.post("/i18n/setlang/", {"language": "en"}, secure=True)
cookies = {name: dict(cookie) for name, cookie in browser.cookies.items()}
print(json.dumps([cookies, answer.headers["Strict-Transport-Security"], settings.USE_X_FORWARDED_HOST]))
"""


def test_production_cookies_are_secure_and_the_session_cookie_is_http_only(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "DJANGO_READ_DOTENV": "0", "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", COOKIES],
        cwd=ROOT,
        env={**environment, **PRODUCTION, "VAR_DIR": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    cookies, transport_security, use_forwarded_host = json.loads(done.stdout)

    assert set(cookies) == {"__Host-sessionid", "csrftoken", "django_language"}
    assert all(cookie["secure"] and cookie["samesite"] == "Lax" for cookie in cookies.values())
    assert cookies["__Host-sessionid"]["httponly"]
    assert (cookies["__Host-sessionid"]["path"], cookies["__Host-sessionid"]["domain"]) == ("/", "")
    assert "max-age=31536000" in transport_security
    assert not use_forwarded_host


@pytest.mark.parametrize("path", BOTH)
def test_login_changes_the_session_key(client: Client, root: User, path: str) -> None:
    client.get("/")
    session = client.session
    session["fixed"] = "by somebody else"
    session.save()
    fixed = session.session_key
    client.cookies["sessionid"] = fixed or ""
    send_password(client, path, "root", PASSWORD)

    assert client.session.session_key != fixed
    assert not is_signed_in(with_session(fixed or ""))


def with_session(key: str) -> Client:
    client = Client()
    client.cookies["sessionid"] = key
    return client


def test_logout_deletes_the_session_on_the_server(client: Client, root: User) -> None:
    client.force_login(root)
    key = client.session.session_key or ""
    client.post("/accounts/logout/")

    assert not is_signed_in(with_session(key))


def test_a_new_password_ends_all_other_sessions(client: Client, root: User) -> None:
    other = Client()
    other.force_login(root)
    client.force_login(root)
    before = client.session.session_key or ""
    new = "x8-Kd92-ppq"
    typed = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", typed).status_code == 302

    assert is_signed_in(client)
    assert not is_signed_in(other)
    assert not is_signed_in(with_session(before))


def test_staff_session_ends_after_an_hour_without_use(client: Client) -> None:
    with travel(timezone.now(), tick=False) as clock:
        client.force_login(make_staff())
        for _visit in range(3):
            clock.shift(timedelta(minutes=59))
            assert is_signed_in(client)
        clock.shift(timedelta(minutes=60))

        assert not is_signed_in(client)
        assert client.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"


def test_staff_session_ends_after_twelve_hours(client: Client) -> None:
    with travel(timezone.now(), tick=False) as clock:
        client.force_login(make_staff())
        for _visit in range(23):
            clock.shift(timedelta(minutes=30))
            assert is_signed_in(client)
        clock.shift(timedelta(minutes=30))

        assert not is_signed_in(client)


def test_staff_session_of_unknown_age_is_ended(client: Client) -> None:
    client.force_login(make_staff())
    session = client.session
    del session["staff_session_began"]
    session.save()

    assert not is_signed_in(client)


def test_session_limits_apply_to_a_user_who_becomes_staff(client: Client) -> None:
    user = make_user("promoted")
    with travel(timezone.now(), tick=False) as clock:
        client.force_login(user)
        user.is_staff = True
        user.save()
        assert is_signed_in(client)
        clock.shift(timedelta(minutes=61))

        assert not is_signed_in(client)


def test_buyer_session_lasts_seven_days(client: Client) -> None:
    buyer = make_user("buyer")
    make_payment(user=buyer, name="Linen shirt")
    with travel(timezone.now(), tick=False) as clock:
        send_password(client, SHOP, "buyer", PASSWORD)
        clock.shift(timedelta(days=6))
        assert "Linen shirt" in client.get("/").text
        clock.shift(timedelta(days=1, seconds=1))

        assert "Linen shirt" not in client.get("/").text


def test_admin_requests_save_the_session_at_most_once_a_minute(client: Client, django_assert_num_queries: Any) -> None:
    client.force_login(make_staff())
    client.get("/admin/jsi18n/")
    # One query each for the session, the account and its device.
    with django_assert_num_queries(3):
        client.get("/admin/jsi18n/")
