"""Rate limits of the API. A rejected request costs no database query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import requests
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from access.api import counters as counting
from access.api import throttles
from access.tokens.service import revoke_token
from chaos.world import WebServer
from config.caches import caches as caches_setting
from tests.access.redis_double import RedisDouble
from tests.api_client import cancel, get, make_token
from tests.factories import make_user, paid_at_sandbox
from tests.proof.own_postgres import free_port
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
PATH = "/payments/nobody"
MINUTE = "2027-03-01T03:00:20Z"  # forty seconds before the next minute


@pytest.fixture(autouse=True)
def fresh_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(throttles, "_proven", throttles._Proven())
    monkeypatch.setattr(counting.counters, "_rests_until", 0.0)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MINUTE, tick=False) as traveller:
        yield traveller


def statuses(ask: Callable[[], Any], times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def queries_of(ask: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        ask()
    return len(queries)


def test_a_token_is_held_up_until_the_next_minute(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_TOKEN = (3, 60)
    _token, secret = make_token()
    _other, another = make_token(name="another")
    assert statuses(lambda: get(secret, PATH), 3) == [404] * 3
    answer = get(secret, PATH, **{"Accept-Language": "en"})
    assert (answer.status_code, answer["Retry-After"]) == (429, "40")
    message = "Too many requests. Try again in 40 seconds."
    assert answer.json() == {"message": message, "code": "throttled", "retryable": True}
    assert get(another, PATH).status_code == 404
    clock.shift(40)
    assert get(secret, PATH).status_code == 404


def test_a_signed_in_user_is_counted_apart_from_their_tokens(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_USER = (2, 60)
    user = make_user()
    _token, secret = make_token(user=user)
    browsers = [Client(), Client()]
    for browser in browsers:
        browser.force_login(user)
    assert [browsers[number % 2].get(PATH).status_code for number in range(3)] == [404, 404, 429]
    assert get(secret, PATH).status_code == 404


def test_refunds_are_counted_more_strictly_than_readings(
    settings: Settings, sandbox: SandboxServer, clock: time_machine.Traveller
) -> None:
    settings.API_RATE_TOKEN, settings.API_RATE_REFUND = (100, 60), (1, 60)
    clock.move_to(paid_at_sandbox(sandbox).created_at)
    payment = paid_at_sandbox(sandbox)
    _token, secret = make_token()
    asked = {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 1_000}
    assert [cancel(secret, asked).status_code for _ in range(2)] == [200, 429]
    assert get(secret, f"/payments/{payment.merchant_uid}").json()["cancel_amount"] == 1_000


def test_refused_requests_of_a_token_count_as_well(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_TOKEN = (2, 60)
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
def test_a_flood_that_is_not_signed_in_is_turned_away_without_the_database(
    settings: Settings, clock: time_machine.Traveller, ask: Callable[[], Any]
) -> None:
    settings.API_RATE_ADDRESS = (3, 60)
    assert statuses(ask, 3) == [401] * 3
    answer = ask()
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "throttled", "40")
    assert queries_of(ask) == 0
    clock.shift(40)
    assert ask().status_code == 401


def test_floods_of_all_kinds_are_one_flood(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_ADDRESS = (4, 60)
    kinds = [anonymous, wrong_token, malformed_token, wrong_session, anonymous, wrong_token]
    assert [ask().status_code for ask in kinds] == [401, 401, 401, 401, 429, 429]


def test_forged_posts_with_a_good_session_count_against_their_address(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.API_RATE_ADDRESS = (2, 60)
    client = Client()
    client.force_login(make_user())
    forged_form.session = client.cookies["sessionid"].value  # type: ignore[attr-defined]
    assert statuses(forged_form, 3) == [403, 403, 429]


def test_who_signed_in_before_is_not_held_up_by_a_stranger_at_the_same_address(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.API_RATE_ADDRESS = (2, 60)
    token, secret = make_token()
    browser = Client()
    browser.force_login(make_user())
    assert [get(secret, PATH).status_code, browser.get(PATH).status_code] == [404, 404]
    assert statuses(wrong_token, 3) == [401, 401, 429]
    assert [get(secret, PATH).status_code, browser.get(PATH).status_code] == [404, 404]
    revoke_token(token)
    assert statuses(lambda: get(secret, PATH), 2) == [401, 429]
    assert queries_of(lambda: get(secret, PATH)) == 0


def test_a_session_that_has_ended_is_no_longer_trusted(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_ADDRESS = (1, 60)
    browser = Client()
    browser.force_login(make_user())
    assert browser.get(PATH).status_code == 404
    browser.session.flush()
    assert statuses(lambda: browser.get(PATH), 2) == [401, 429]
    assert queries_of(lambda: browser.get(PATH)) == 0


def test_the_description_is_counted_for_its_readers(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_ADDRESS = (2, 60)
    assert statuses(lambda: Client().get("/api/schema"), 3) == [200, 200, 429]


@pytest.mark.parametrize(("behind_proxy", "expected"), [(True, [401, 401, 429]), (False, [401, 429, 429])])
def test_behind_a_proxy_the_address_that_it_names_counts(
    settings: Settings, clock: time_machine.Traveller, behind_proxy: bool, expected: list[int]
) -> None:
    settings.API_RATE_ADDRESS, settings.BEHIND_PROXY = (1, 60), behind_proxy
    forged = ["198.51.100.1, 203.0.113.1", "198.51.100.1, 203.0.113.2", "198.51.100.2, 203.0.113.2"]
    answers = [Client().get(PATH, headers={"X-Forwarded-For": forwarded}) for forwarded in forged]
    assert [answer.status_code for answer in answers] == expected


def test_addresses_of_one_customer_s_ipv6_network_are_one(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.API_RATE_ADDRESS = (1, 60)
    asked = [Client().get(PATH, REMOTE_ADDR=address).status_code for address in ("2001:db8::1", "2001:db8:0:ff::2")]
    assert asked == [401, 429]
    assert Client().get(PATH, REMOTE_ADDR="2001:db8:0:100::1").status_code == 401


# --- The cache ------------------------------------------------------------------------------------------------


def test_the_cache_holds_ids_and_addresses_and_no_secrets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    for name in ("API_RATE_TOKEN", "API_RATE_USER", "API_RATE_REFUND", "API_RATE_ADDRESS"):
        setattr(settings, name, (100, 60))
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
    assert {key.removeprefix("count:").rpartition(":")[0] for key in keys} == {
        f"token:{token.pk}",
        f"refund:token:{token.pk}",
        f"user:{user.pk}",
        "address:127.0.0.1",
    }


def test_a_cache_that_is_down_stops_no_refund(settings: Settings, sandbox: SandboxServer) -> None:
    for name in ("API_RATE_TOKEN", "API_RATE_USER", "API_RATE_REFUND", "API_RATE_ADDRESS"):
        setattr(settings, name, (1, 60))
    settings.CACHES = caches_setting("CACHE_URL", "redis://127.0.0.1:9/0")
    _token, secret = make_token()
    asked = {"merchant_uid": paid_at_sandbox(sandbox).merchant_uid, "cancel_request_amount": 1_000}
    assert [cancel(secret, asked).status_code for _ in range(3)] == [200] * 3
    assert anonymous().status_code == 401


def test_without_rates_nothing_is_counted() -> None:
    _token, secret = make_token()
    with patch.object(counting.counters, "add") as added:
        get(secret, PATH)
        wrong_token()
        anonymous()
    added.assert_not_called()


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
            with ThreadPoolExecutor(8) as pool:
                signed_in = Counter(pool.map(server.status, [{"Authorization": f"Token {secret}"}] * 60))
                strangers = Counter(pool.map(server.status, [{}] * 60))
        finally:
            server.kill()
    assert signed_in == {404: 30, 429: 30}
    assert strangers == {401: 20, 429: 40}


class TwoWorkers(WebServer):
    """A gunicorn server with two processes (`WEB_CONCURRENCY=2`)."""

    def status(self, headers: dict[str, str]) -> int:
        return requests.get(f"{self.url}{PATH}", headers=headers, timeout=20).status_code
