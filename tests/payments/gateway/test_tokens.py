"""The access token: requested once, shared, renewed early, never shown."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.core.cache import cache
from django.test import override_settings
from redis.exceptions import RedisError

from payments.gateway import GatewayAuthFailed, GatewayError, GatewayUnavailable, OutcomeUnknown, get_gateway
from payments.gateway.iamport.client import IamportGateway
from tests.payments.gateway.raw_server import TOKEN, RawServer, Reply, envelope, http, ok
from tests.payments.gateway.samples import UID, cancel_request, cancelled_json, config, payment_json

NOW = 1_800_000_000  # far from the server's clock in TOKEN, because the two are never compared


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(answer=lambda _: ok(payment_json())).running() as server:
        yield server


def gateway_on(server: RawServer, **changes: Any) -> IamportGateway:
    return IamportGateway(config(server.url, **changes))


def numbered_tokens(server: RawServer) -> None:
    server.token = lambda: ok({**TOKEN, "access_token": f"token-{len(server.token_calls)}"})


def accept_only(server: RawServer, token: str) -> None:
    refused = Reply(http(envelope(code=-1, message="Unauthorized"), "401 Unauthorized"))
    server.answer = lambda request: ok(cancelled_json()) if request.headers["authorization"] == token else refused


def test_one_token_serves_every_call_and_every_gateway_with_this_cache(server: RawServer) -> None:
    for _ in range(3):
        gateway = gateway_on(server)
        gateway.payment(UID)
        gateway.payment(UID)
    assert len(server.token_calls) == 1


def test_another_key_has_another_token(server: RawServer) -> None:
    gateway_on(server).payment(UID)
    gateway_on(server, imp_key="other").payment(UID)
    assert len(server.token_calls) == 2


@pytest.mark.parametrize(("after", "calls"), [(1769, 1), (1771, 2), (3600, 2)])
def test_a_token_is_renewed_shortly_before_its_life_ends(server: RawServer, after: int, calls: int) -> None:
    gateway = gateway_on(server)
    with time_machine.travel(NOW, tick=False) as clock:
        gateway.payment(UID)
        clock.shift(after)
        gateway.payment(UID)
    assert len(server.token_calls) == calls


def test_a_refused_token_is_replaced_once_for_all_threads(server: RawServer) -> None:
    numbered_tokens(server)
    accept_only(server, "token-2")
    gateway = gateway_on(server)
    gateway._tokens.get()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(gateway.cancel, [cancel_request()] * 16))
    assert len(server.token_calls) == 2


def test_a_refused_token_that_another_process_replaced_is_taken_from_the_cache(server: RawServer) -> None:
    numbered_tokens(server)
    first, second = gateway_on(server), gateway_on(server)
    first._tokens.get()
    second._tokens.get()
    accept_only(server, "token-2")
    first.cancel(cancel_request())
    second.cancel(cancel_request())
    assert len(server.token_calls) == 2


def test_a_refused_token_is_dropped_even_if_the_keys_are_refused_too(server: RawServer) -> None:
    gateway = gateway_on(server)
    gateway.payment(UID)
    refused = Reply(http(envelope(code=-1), "401 Unauthorized"))
    server.token, server.answer = lambda: refused, lambda _: refused
    with pytest.raises(GatewayAuthFailed):
        gateway.payment(UID)
    with patch("payments.gateway.iamport.client._ASK_AGAIN_AFTER", 0):
        assert gateway.keys_are_refused()
    assert len(server.calls) == 2, "the refused token was not sent again"


class Line:
    """A lock that counts how many threads tried to acquire it."""

    def __init__(self) -> None:
        self.came = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_exception: object) -> None:
        self._lock.release()


def test_threads_that_waited_for_a_failed_renewal_share_its_failure(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone_came = threading.Event()
    server.token = lambda: Reply(http(envelope(code=-1), "503 Unavailable"), wait=everyone_came, close=True)
    gateway, line = gateway_on(server), Line()
    monkeypatch.setattr(gateway._tokens, "_lock", line)

    def ask() -> type[Exception] | None:
        try:
            gateway.payment(UID)
        except GatewayUnavailable as exc:
            return type(exc)
        return None

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask) for _ in range(8)]
        for _ in answers:
            assert line.came.acquire(timeout=20)
        everyone_came.set()
        assert [answer.result() for answer in answers] == [GatewayUnavailable] * 8
    assert len(server.token_calls) == 1


def test_cancel_is_not_sent_if_the_token_arrives_too_late(server: RawServer) -> None:
    gateway = gateway_on(server, connect_timeout=0.1, read_timeout=0.2)
    lock = gateway._tokens._lock
    lock.acquire()  # another thread renews the token
    threading.Timer(0.5, lock.release).start()
    with pytest.raises(GatewayUnavailable, match="Nothing was sent"):
        gateway.cancel(cancel_request())
    assert not server.calls


@pytest.mark.parametrize("found", ["", [], 5, "a\nb", {"value": "token"}])
def test_invalid_cache_entries_are_ignored_and_replaced(server: RawServer, found: object) -> None:
    tokens = gateway_on(server)._tokens
    cache.set(tokens._key, found)
    assert tokens.get().value == "token-1"
    assert gateway_on(server)._tokens.get().value == "token-1"
    assert len(server.token_calls) == 1
    assert "token-1" not in str(cache.get(tokens._key)), "stored encrypted"


def test_without_the_cache_each_call_requests_its_own_token(
    server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    down = {"side_effect": RedisError("down")}
    with patch.object(cache, "get", **down), patch.object(cache, "set", **down):
        assert gateway_on(server).payment(UID).imp_uid == UID
    assert len(server.token_calls) == 1
    assert "cannot be kept" in caplog.text


def test_eight_threads_without_a_token_request_one(server: RawServer) -> None:
    gateway = gateway_on(server)
    with ThreadPoolExecutor(8) as pool:
        assert {payment.imp_uid for payment in pool.map(gateway.payment, [UID] * 64)} == {UID}
    assert len(server.token_calls) == 1


def test_get_gateway_is_one_instance_until_the_settings_change() -> None:
    first = get_gateway()
    with ThreadPoolExecutor(8) as pool:
        assert {id(pool.submit(get_gateway).result()) for _ in range(8)} == {id(first)}
    with override_settings(IAMPORT_READ_TIMEOUT=1.5):
        assert get_gateway() is not first


def test_a_trailing_slash_in_the_address_changes_nothing(server: RawServer) -> None:
    with override_settings(IAMPORT_API_URL=server.url + "/", IAMPORT_IMP_KEY="key", IAMPORT_IMP_SECRET="s"):
        assert get_gateway().payment(UID).imp_uid == UID
    assert server.calls[0].path.startswith(f"/payments/{UID}")


def test_cancel_whose_retry_breaks_off_is_unknown(server: RawServer) -> None:
    refused = Reply(http(envelope(code=-1), "401 Unauthorized"))
    server.answer = lambda _: refused if len(server.calls) == 1 else Reply(close=True)
    with pytest.raises(OutcomeUnknown) as raised:
        gateway_on(server).cancel(cancel_request())
    assert isinstance(raised.value, GatewayError)
    assert len(server.calls) == 2
