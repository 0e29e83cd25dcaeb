"""The access token: requested once, shared, renewed early, never shown."""

import json
import logging
import multiprocessing
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import override_settings
from filelock import FileLock

from payments.gateway import GatewayError, GatewayUnavailable, OutcomeUnknown, get_gateway
from payments.gateway.iamport.client import IamportGateway
from tests.payments.gateway.raw_server import TOKEN, RawServer, Reply, envelope, http, ok
from tests.payments.gateway.samples import UID, cancel_request, cancelled_json, config, payment_json

NOW = 1_800_000_000  # far from the server's clock in TOKEN, because the two are never compared


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(answer=lambda _: ok(payment_json())).running() as server:
        yield server


def gateway_on(server: RawServer, var_dir: Path, **changes: Any) -> IamportGateway:
    return IamportGateway(config(server.url, var_dir, **changes))


def token_file(var_dir: Path) -> Path:
    (path,) = var_dir.glob("iamport-token-*.json")
    return path


def numbered_tokens(server: RawServer) -> None:
    server.token = lambda: ok({**TOKEN, "access_token": f"token-{len(server.token_calls)}"})


def accept_only(server: RawServer, token: str) -> None:
    refused = Reply(http(envelope(code=-1, message="Unauthorized"), "401 Unauthorized"))
    server.answer = lambda request: ok(cancelled_json()) if request.headers["authorization"] == token else refused


def test_one_token_serves_every_call_and_every_gateway_on_this_machine(server: RawServer, tmp_path: Path) -> None:
    for _ in range(3):
        gateway = gateway_on(server, tmp_path)
        gateway.payment(UID)
        gateway.payment(UID)
    assert len(server.token_calls) == 1


def test_another_key_has_another_token(server: RawServer, tmp_path: Path) -> None:
    gateway_on(server, tmp_path).payment(UID)
    gateway_on(server, tmp_path, imp_key="other").payment(UID)
    assert len(server.token_calls) == 2


def test_the_file_is_private_and_holds_no_key(server: RawServer, tmp_path: Path) -> None:
    gateway_on(server, tmp_path).payment(UID)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "the-secret" not in path.name + path.read_text()
    assert json.loads(token_file(tmp_path).read_text())["value"] == "token-1"


@pytest.mark.parametrize(("after", "calls"), [(1769, 1), (1771, 2), (3600, 2)])
def test_a_token_is_renewed_shortly_before_its_life_ends(
    server: RawServer, tmp_path: Path, after: int, calls: int
) -> None:
    gateway = gateway_on(server, tmp_path)
    with time_machine.travel(NOW, tick=False) as clock:
        gateway.payment(UID)
        clock.shift(after)
        gateway.payment(UID)
    assert len(server.token_calls) == calls


def test_a_clock_set_back_makes_a_token_of_unknown_age_unusable(server: RawServer, tmp_path: Path) -> None:
    gateway = gateway_on(server, tmp_path)
    with time_machine.travel(NOW, tick=False) as clock:
        gateway.payment(UID)
        clock.shift(-86_400)
        gateway.payment(UID)
    assert len(server.token_calls) == 2


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"{}", b"\xff", b'{"value": "a\\nb", "obtained_at": 1, "life": 9e9}', b"[" * 9999],
)
def test_a_damaged_file_is_ignored_and_overwritten(server: RawServer, tmp_path: Path, damage: bytes) -> None:
    gateway_on(server, tmp_path).payment(UID)
    token_file(tmp_path).write_bytes(damage)
    gateway_on(server, tmp_path).payment(UID)
    assert len(server.token_calls) == 2
    assert json.loads(token_file(tmp_path).read_bytes())["value"] == "token-1"


def test_a_folder_that_cannot_be_written_costs_one_warning_and_no_call(
    server: RawServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    gateway = gateway_on(server, tmp_path / "file" / "var")
    with time_machine.travel(NOW, tick=False) as clock:
        gateway.payment(UID)
        clock.shift(3600)
        gateway.payment(UID)
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1


def test_a_refused_token_is_replaced_once_for_all_threads(server: RawServer, tmp_path: Path) -> None:
    numbered_tokens(server)
    accept_only(server, "token-2")
    gateway = gateway_on(server, tmp_path)
    gateway._tokens.get()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(gateway.cancel, [cancel_request()] * 16))
    assert len(server.token_calls) == 2


def test_a_refused_token_that_another_process_replaced_is_taken_from_the_file(
    server: RawServer, tmp_path: Path
) -> None:
    numbered_tokens(server)
    first, second = gateway_on(server, tmp_path), gateway_on(server, tmp_path)
    first._tokens.get()
    second._tokens.get()
    accept_only(server, "token-2")
    first.cancel(cancel_request())
    second.cancel(cancel_request())
    assert len(server.token_calls) == 2


def test_the_same_token_handed_out_again_counts_as_new(server: RawServer, tmp_path: Path) -> None:
    gateway = gateway_on(server, tmp_path)
    with time_machine.travel(NOW, tick=False) as clock:
        token = gateway._tokens.get()
        clock.shift(1)
        again = gateway._tokens.get(rejected=token)
        assert gateway._tokens.get(rejected=token) == again
    assert len(server.token_calls) == 2


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
    server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone_came = threading.Event()
    server.token = lambda: Reply(http(envelope(code=-1), "503 Unavailable"), wait=everyone_came, close=True)
    gateway, line = gateway_on(server, tmp_path), Line()
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


def test_a_process_that_holds_the_lock_for_ever_does_not_stop_the_others(
    server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateway_on(server, tmp_path)
    monkeypatch.setattr(gateway._tokens._file, "_lock_timeout", 0.2)
    with FileLock(gateway._tokens._file._path.with_suffix(".lock")):
        assert gateway.payment(UID).imp_uid == UID


def test_a_cancel_is_not_sent_when_the_token_came_too_late(server: RawServer, tmp_path: Path) -> None:
    gateway = gateway_on(server, tmp_path, connect_timeout=0.1, read_timeout=0.2)
    with (
        FileLock(gateway._tokens._file._path.with_suffix(".lock")),
        pytest.raises(GatewayUnavailable, match="Nothing was sent"),
    ):
        gateway.cancel(cancel_request())
    assert not server.calls


def _read_often(url: str, var_dir: Path, results: "multiprocessing.SimpleQueue[str]") -> None:
    gateway = IamportGateway(config(url, var_dir))
    with ThreadPoolExecutor(8) as pool:
        for payment in pool.map(gateway.payment, [UID] * 8):
            results.put(payment.imp_uid)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_eight_processes_of_eight_threads_starting_cold_ask_for_one_token(server: RawServer, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()
    children = [fork.Process(target=_read_often, args=(server.url, tmp_path, results), daemon=True) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    assert [results.get() for _ in range(64)] == [UID] * 64
    assert len(server.token_calls) == 1


def test_get_gateway_is_one_instance_until_the_settings_change(tmp_path: Path) -> None:
    with override_settings(VAR_DIR=tmp_path):
        first = get_gateway()
        with ThreadPoolExecutor(8) as pool:
            assert {id(pool.submit(get_gateway).result()) for _ in range(8)} == {id(first)}
        with override_settings(IAMPORT_READ_TIMEOUT=1.5):
            assert get_gateway() is not first


def test_a_trailing_slash_in_the_address_changes_nothing(server: RawServer, tmp_path: Path) -> None:
    with override_settings(
        IAMPORT_API_URL=server.url + "/", IAMPORT_IMP_KEY="key", IAMPORT_IMP_SECRET="s", VAR_DIR=tmp_path
    ):
        assert get_gateway().payment(UID).imp_uid == UID
    assert server.calls[0].path.startswith(f"/payments/{UID}")


def test_a_cancel_whose_repeat_breaks_off_is_unknown(server: RawServer, tmp_path: Path) -> None:
    refused = Reply(http(envelope(code=-1), "401 Unauthorized"))
    server.answer = lambda _: refused if len(server.calls) == 1 else Reply(close=True)
    with pytest.raises(OutcomeUnknown) as raised:
        gateway_on(server, tmp_path).cancel(cancel_request())
    assert isinstance(raised.value, GatewayError)
    assert len(server.calls) == 2


def test_two_dead_tokens_in_a_row_are_replaced(server: RawServer, tmp_path: Path) -> None:
    numbered_tokens(server)
    gateway = gateway_on(server, tmp_path)
    gateway.payment(UID)
    path = token_file(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "value": "left by another process"}))
    accept_only(server, "token-2")
    assert gateway.cancel(cancel_request()).imp_uid == UID
