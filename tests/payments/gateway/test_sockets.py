"""Real connections that are refused, dropped, truncated, slow or stale."""

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
import urllib3.exceptions
from django.core.cache import cache

from payments.gateway import GatewayUnavailable, OutcomeUnknown
from payments.gateway.iamport import session as session_module
from payments.gateway.iamport.client import IamportGateway
from tests.payments.gateway.forgetful_proxy import forgetful_proxy
from tests.payments.gateway.raw_server import RawServer, Reply, Request, envelope, http, ok
from tests.payments.gateway.samples import UID, cancel_request, cancelled_json, config, payment_json

GOOD = http(envelope(cancelled_json()))


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer().running() as server:
        yield server


@pytest.fixture
def gateway(server: RawServer) -> IamportGateway:
    return IamportGateway(config(server.url))


def hasty(server: RawServer) -> IamportGateway:
    """Return a gateway with a token and a short read timeout."""
    IamportGateway(config(server.url))._tokens.get()
    return IamportGateway(config(server.url, connect_timeout=1.0, read_timeout=1.0))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize(
    "reply",
    [
        Reply(close=True),
        Reply(reset=True),
        Reply(GOOD[:20], close=True),
        Reply(GOOD[:-10], close=True),
        Reply(http(envelope(cancelled_json()), Content_Length="9999"), close=True),
        Reply(http(b"", Transfer_Encoding="chunked", Content_Length="") + b'5\r\n{"cod', close=True),
        Reply(b"not http at all\r\n\r\n", close=True),
        Reply(http(b"\x00\x01 not gzip", Content_Encoding="gzip")),
    ],
    ids=["closed", "reset", "cut head", "cut body", "short body", "cut chunk", "no http", "bad gzip"],
)
def test_cancel_with_a_truncated_response_is_unknown_and_sent_once(
    server: RawServer, gateway: IamportGateway, reply: Reply
) -> None:
    server.answer = lambda _: reply
    with pytest.raises(OutcomeUnknown):
        gateway.cancel(cancel_request())
    assert len(server.calls) == 1


def test_body_shorter_than_announced_is_no_response_even_if_valid_json(
    server: RawServer, gateway: IamportGateway
) -> None:
    server.answer = lambda _: Reply(http(envelope(payment_json()), Content_Length="9999"), close=True)
    with pytest.raises(GatewayUnavailable):
        gateway.payment(UID)


def test_cancel_that_times_out_is_unknown(server: RawServer) -> None:
    gateway, never = hasty(server), threading.Event()
    server.answer = lambda _: Reply(wait=never, close=True)
    with pytest.raises(OutcomeUnknown):
        gateway.cancel(cancel_request())
    never.set()
    assert len(server.calls) == 1


def test_slow_endless_response_is_abandoned(server: RawServer) -> None:
    gateway = hasty(server)
    server.answer = lambda _: Reply(http(b" " * 100_000), drip=0.001, close=True)
    with pytest.raises(OutcomeUnknown):
        gateway.cancel(cancel_request())


def test_too_long_response_is_abandoned(
    server: RawServer, gateway: IamportGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "BODY_LIMIT", 1000)
    server.answer = lambda _: Reply(http(envelope(payment_json(name="x" * 2000))))
    with pytest.raises(GatewayUnavailable):
        gateway.payment(UID)


def test_a_refused_connection_means_that_nothing_was_sent() -> None:
    gateway = IamportGateway(config(f"http://127.0.0.1:{closed_port()}"))
    cache.set(gateway._tokens._key, "token-1")
    with pytest.raises(GatewayUnavailable, match="Nothing was sent"):
        gateway.cancel(cancel_request())


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "http://no-such-host.invalid", "nonsense", "http://"])
def test_an_address_that_cannot_be_reached_is_unavailable(address: str) -> None:
    gateway = IamportGateway(config(address.format(port=closed_port())))
    with pytest.raises(GatewayUnavailable, match=r"cannot be reached\. Try again"):
        gateway.payment(UID)


def test_invalid_certificate_means_that_nothing_was_sent() -> None:
    refused = urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed"))
    exhausted = urllib3.exceptions.MaxRetryError(None, "/", refused)  # type: ignore[arg-type]
    assert isinstance(session_module._translated(exhausted), session_module.NotSent)


def test_a_tls_error_that_could_be_mid_stream_does_not_count_as_unsent() -> None:
    broken = urllib3.exceptions.MaxRetryError(None, "/", urllib3.exceptions.SSLError(ssl.SSLError("bad mac")))  # type: ignore[arg-type]
    assert not isinstance(session_module._translated(broken), session_module.NotSent)


def test_earlier_connection_error_does_not_make_a_lost_cancel_look_unsent(
    server: RawServer, gateway: IamportGateway
) -> None:
    server.answer = lambda _: Reply(close=True)
    try:
        raise urllib3.exceptions.NewConnectionError(None, "refused")  # type: ignore[arg-type]
    except urllib3.exceptions.NewConnectionError:
        with pytest.raises(OutcomeUnknown):
            gateway.cancel(cancel_request())


def test_reads_share_one_connection(server: RawServer, gateway: IamportGateway) -> None:
    server.answer = lambda _: ok(payment_json())
    for _ in range(5):
        gateway.payment(UID)
    assert {call.connection for call in server.calls} == {1}


@pytest.mark.parametrize("fault", ["reset", "black hole"])
def test_a_cancel_goes_out_on_a_new_connection(server: RawServer, fault: str) -> None:
    server.answer = lambda _: ok(cancelled_json())
    with forgetful_proxy(server.url, fault=fault, after=0.2) as url:
        gateway = IamportGateway(config(url, connect_timeout=2.0, read_timeout=2.0))
        for _ in range(2):
            gateway.cancel(cancel_request())
            gateway.payment(UID)
            threading.Event().wait(0.4)
            assert gateway.cancel(cancel_request()).cancel_amount == 1000
            if fault == "reset":
                assert gateway.payment(UID).imp_uid == UID
            else:
                gateway._session._pool.close()
    cancels = [call.connection for call in server.calls if call.path == "/payments/cancel"]
    assert len(cancels) == len(set(cancels)) == 4


def test_idle_connections_are_probed(server: RawServer, gateway: IamportGateway) -> None:
    server.answer = lambda _: ok(payment_json())
    with patch.object(socket.socket, "setsockopt", autospec=True) as setsockopt:
        gateway.payment(UID)
    options = {call.args[-3:] for call in setsockopt.call_args_list}
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in options
    assert (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30) in options


def test_read_is_retried_if_the_connection_closes(server: RawServer, gateway: IamportGateway) -> None:
    server.answer = lambda _: ok(payment_json()) if len(server.calls) > 1 else Reply(close=True)
    assert gateway.payment(UID).imp_uid == UID
    assert len(server.calls) == 2


def test_a_redirect_is_not_followed(server: RawServer, gateway: IamportGateway) -> None:
    server.answer = lambda _: Reply(http(b"", "307 Temporary Redirect", Location="/elsewhere"))
    with pytest.raises(OutcomeUnknown):
        gateway.cancel(cancel_request())
    assert [call.path for call in server.calls] == ["/payments/cancel"]


def test_credentials_in_netrc_do_not_replace_the_token(
    server: RawServer, gateway: IamportGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.answer = lambda _: ok(payment_json())
    gateway.payment(UID)
    assert server.calls[0].headers["authorization"] == "token-1"


def test_many_threads_use_one_gateway_at_once(server: RawServer, gateway: IamportGateway) -> None:
    def answer(request: Request) -> Reply:
        return ok(payment_json(imp_uid=urlsplit(request.path).path.rpartition("/")[2]))

    server.answer = answer
    uids = [f"imp_{number}" for number in range(100)]
    with ThreadPoolExecutor(40) as pool:
        assert [payment.imp_uid for payment in pool.map(gateway.payment, uids)] == uids
