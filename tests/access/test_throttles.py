"""Rate limits of the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import time_machine
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from chaos.world import WebServer
from config.caches import caches as caches_setting
from tests.access.redis_double import RedisDouble
from tests.api_client import cancel, get, make_token
from tests.factories import make_user, paid_at_sandbox
from tests.proof.own_postgres import free_port
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
PATH = "/payments/nobody"
MINUTE = "2027-03-01T03:00:20Z"


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    cache.clear()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MINUTE, tick=False) as traveller:
        yield traveller


def statuses(ask: Callable[[], Any], times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_token_above_its_rate_is_rejected_for_a_minute(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_TOKEN = "3/min"
    _token, secret = make_token()
    _other, another = make_token(name="another")
    assert statuses(lambda: get(secret, PATH), 3) == [404] * 3
    clock.shift(20)
    answer = get(secret, PATH, **{"Accept-Language": "en"})
    assert (answer.status_code, answer["Retry-After"]) == (429, "40")
    message = "Too many requests. Try again in 40 seconds."
    assert answer.json() == {"message": message, "code": "throttled", "retryable": True}
    assert get(another, PATH).status_code == 404
    clock.shift(40)
    assert get(secret, PATH).status_code == 404


def test_user_and_tokens_are_counted_separately(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_USER = "2/min"
    user = make_user()
    _token, secret = make_token(user=user)
    browsers = [Client(), Client()]
    for browser in browsers:
        browser.force_login(user)
    assert [browsers[number % 2].get(PATH).status_code for number in range(3)] == [404, 404, 429]
    assert get(secret, PATH).status_code == 404


def test_refunds_have_a_stricter_rate_than_reads(
    settings: Settings, sandbox: SandboxServer, clock: time_machine.Traveller
) -> None:
    settings.API_RATE_TOKEN, settings.API_RATE_REFUND = "100/min", "1/min"
    clock.move_to(paid_at_sandbox(sandbox).created_at)
    payment = paid_at_sandbox(sandbox)
    _token, secret = make_token()
    asked = {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 1_000}
    assert [cancel(secret, asked).status_code for _ in range(2)] == [200, 429]
    assert get(secret, f"/payments/{payment.merchant_uid}").json()["cancel_amount"] == 1_000


def test_rejected_requests_of_a_token_count_as_well(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_TOKEN = "2/min"
    _token, secret = make_token(may_refund=False)
    assert statuses(lambda: cancel(secret, {}), 4) == [403, 403, 429, 429]


# --- Not authenticated ----------------------------------------------------------------------------------------


def anonymous() -> Any:
    return Client().get(PATH)


def wrong_token() -> Any:
    return get("rd_wrong", PATH)


def malformed_token() -> Any:
    return Client().get(PATH, headers={"Authorization": "Token a b c"})


def wrong_session() -> Any:
    client = Client()
    client.cookies["sessionid"] = "x" * 32
    return client.get(PATH)


def forged_form() -> Any:
    client = Client(enforce_csrf_checks=True)
    client.cookies["sessionid"] = forged_form.session  # type: ignore[attr-defined]
    return client.post("/payments/cancel", {}, content_type="application/json")


@pytest.mark.parametrize("ask", [anonymous, wrong_token, malformed_token, wrong_session])
def test_unauthenticated_flood_is_rejected(
    settings: Settings, clock: time_machine.Traveller, ask: Callable[[], Any]
) -> None:
    settings.API_RATE_ADDRESS = "3/min"
    assert statuses(ask, 3) == [401] * 3
    answer = ask()
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "throttled", "60")
    clock.shift(60)
    assert ask().status_code == 401


def test_all_kinds_of_unauthenticated_requests_share_one_rate(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.API_RATE_ADDRESS = "4/min"
    kinds = [anonymous, wrong_token, malformed_token, wrong_session, anonymous, wrong_token]
    assert [ask().status_code for ask in kinds] == [401, 401, 401, 401, 429, 429]


def test_forged_posts_with_a_valid_session_count_for_their_address(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.API_RATE_ADDRESS = "2/min"
    client = Client()
    client.force_login(make_user())
    forged_form.session = client.cookies["sessionid"].value  # type: ignore[attr-defined]
    assert statuses(forged_form, 3) == [403, 403, 429]


def test_valid_token_or_session_is_not_limited_by_others_at_the_same_address(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.API_RATE_ADDRESS = "2/min"
    _token, secret = make_token()
    browser = Client()
    browser.force_login(make_user())
    assert statuses(wrong_token, 3) == [401, 401, 429]
    assert [get(secret, PATH).status_code, browser.get(PATH).status_code] == [404, 404]


def test_requests_for_the_description_are_counted(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_ADDRESS = "2/min"
    assert statuses(lambda: Client().get("/api/schema"), 3) == [200, 200, 429]


@pytest.mark.parametrize(("behind_proxy", "expected"), [(True, [401, 401, 429]), (False, [401, 429, 429])])
def test_behind_a_proxy_the_forwarded_address_counts(
    settings: Settings, clock: time_machine.Traveller, behind_proxy: bool, expected: list[int]
) -> None:
    settings.API_RATE_ADDRESS, settings.BEHIND_PROXY = "1/min", behind_proxy
    forged = ["198.51.100.1, 203.0.113.1", "198.51.100.1, 203.0.113.2", "198.51.100.2, 203.0.113.2"]
    answers = [Client().get(PATH, headers={"X-Forwarded-For": forwarded}) for forwarded in forged]
    assert [answer.status_code for answer in answers] == expected


def test_addresses_of_one_ipv6_customer_share_one_rate(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_ADDRESS = "1/min"
    asked = [Client().get(PATH, REMOTE_ADDR=address).status_code for address in ("2001:db8::1", "2001:db8:0:ff::2")]
    assert asked == [401, 429]
    assert Client().get(PATH, REMOTE_ADDR="2001:db8:0:100::1").status_code == 401


# --- The cache ------------------------------------------------------------------------------------------------


def test_cache_contains_ids_and_addresses_but_no_secrets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    for name in ("API_RATE_TOKEN", "API_RATE_USER", "API_RATE_REFUND", "API_RATE_ADDRESS"):
        setattr(settings, name, "100/min")
    keys: list[str] = []
    validate = cache.make_and_validate_key
    monkeypatch.setattr(
        type(cache._connections[cache._alias]),  # type: ignore[attr-defined]
        "make_and_validate_key",
        lambda self, key, version=None: keys.append(key) or validate(key, version=version),
    )
    token, secret = make_token()
    browser = Client()
    user = make_user()
    browser.force_login(user)
    for ask in (lambda: cancel(secret, {}), wrong_token, anonymous, wrong_session, lambda: browser.get(PATH)):
        ask()
    assert set(keys) == {
        f"throttle_token_token:{token.pk}",
        f"throttle_refund_token:{token.pk}",
        f"throttle_user_user:{user.pk}",
        "throttle_address_127.0.0.1",
    }


def test_unreachable_cache_stops_no_refund(settings: Settings, sandbox: SandboxServer) -> None:
    for name in ("API_RATE_TOKEN", "API_RATE_USER", "API_RATE_REFUND", "API_RATE_ADDRESS"):
        setattr(settings, name, "1/min")
    settings.CACHES = caches_setting("CACHE_URL", "redis://127.0.0.1:9/0")
    _token, secret = make_token()
    asked = {"merchant_uid": paid_at_sandbox(sandbox).merchant_uid, "cancel_request_amount": 1_000}
    assert [cancel(secret, asked).status_code for _ in range(3)] == [200] * 3
    assert anonymous().status_code == 401


def test_workers_of_a_real_server_count_together_in_redis(
    tmp_path: Path, child_environment: Callable[..., dict[str, str]]
) -> None:
    rates = {"API_RATE_ADDRESS": "20/day", "API_RATE_TOKEN": "30/day"}
    _token, secret = make_token()
    with RedisDouble() as redis:
        environment = child_environment(**rates, VAR_DIR=str(tmp_path), WEB_CONCURRENCY="2", CACHE_URL=redis.url)
        server = TwoWorkers(environment, free_port(), tmp_path / "log")
        server.start()
        try:
            signed_in = Counter(server.status({"Authorization": f"Token {secret}"}) for _ in range(60))
            strangers = Counter(server.status({}) for _ in range(60))
        finally:
            server.kill()
    assert signed_in == {404: 30, 429: 30}
    assert strangers == {401: 20, 429: 40}


class TwoWorkers(WebServer):
    """A gunicorn server with two processes (`WEB_CONCURRENCY=2`)."""

    def status(self, headers: dict[str, str]) -> int:
        return requests.get(f"{self.url}{PATH}", headers=headers, timeout=20).status_code
