"""One POST: limited in time and size, with verified TLS for https, and without redirects."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from tests.webhooks.receiver import Receiver, running_receiver
from webhooks.delivery import http
from webhooks.delivery.destinations import parse_url
from webhooks.delivery.http import Answer, post
from webhooks.failures import SendError


def send(url: str) -> Answer:
    return post(parse_url(url), headers={"Content-Type": "application/json"}, body=b"{}")


def raw(data: bytes, *, pause: float = 0, times: int = 1) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(times):
            handler.wfile.write(data)
            time.sleep(pause)

    return answer


def test_the_whole_request_and_the_beginning_of_the_answer_arrive(receiver: Receiver) -> None:
    receiver.text = ("감사합니다\x00\x1b[31m<b>" + "x" * 5_000).encode()
    answer = send(receiver.url)
    (came,) = receiver.received
    assert (came.path, came.body, came.headers["content-type"]) == ("/hooks?shop=1", b"{}", "application/json")
    assert answer.status == 200
    assert answer.text.startswith("감사합니다[31m<b>x")
    assert len(answer.text) == http.ANSWER_CHARACTERS


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    receiver.headers = {"Location": "/inside"}
    assert send(receiver.url).status == status
    assert len(receiver.received) == 1


def test_proxies_and_passwords_of_the_environment_are_ignored(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login operator password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    assert send(receiver.url).status == 200
    assert "authorization" not in receiver.received[0].headers


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (raw(b"junk\r\n\r\n"), "broken_answer"),
        (raw(b""), "broken_answer"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), "broken_answer"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000), "broken_answer"),
    ],
    ids=["no HTTP", "nothing", "many headers", "a long header"],
)
def test_what_is_no_answer_is_said(
    receiver: Receiver, answer: Callable[[BaseHTTPRequestHandler], None], code: str
) -> None:
    receiver.answers = [answer]
    with pytest.raises(SendError) as raised:
        send(receiver.url)
    assert raised.value.failure.value == code


@pytest.mark.parametrize(
    "answer",
    [
        raw(b"", pause=20),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.05, times=400),
        raw(b"HTTP/1.1 200 OK\r\nX: y\r\n", pause=0.1, times=200),
    ],
    ids=["silence", "endless promises", "a trickle"],
)
def test_answers_that_do_not_come_end_in_time(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.5)
    monkeypatch.setattr(http, "TOTAL_SECONDS", 1)
    receiver.answers = [answer]
    began = time.monotonic()
    with pytest.raises(SendError) as raised:
        send(receiver.url)
    assert raised.value.failure.value == "too_slow"
    assert time.monotonic() - began < 10


def test_an_answer_that_trickles_or_never_ends_counts_by_its_status(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 2)
    receiver.answers = [
        raw(b"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 3, pause=20),
        raw(b"HTTP/1.1 500 No\r\n\r\n" + b"y" * 100_000, times=200),
    ]
    assert send(receiver.url) == Answer(202, "xxx", 0)
    assert send(receiver.url) == Answer(500, "y" * 500, 0)


def test_nobody_listening_is_said(receiver: Receiver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(SendError, match="not_reached"):
            send(f"http://127.0.0.1:{unused.getsockname()[1]}/")


@pytest.mark.parametrize(
    ("header", "seconds"), [("120", 120), ("Wed, 21 Oct 2026 07:28:00 GMT", 0), ("-1", 0), ("9" * 40, 0), ("²", 0)]
)
def test_the_wish_to_be_left_alone_is_read(receiver: Receiver, header: str, seconds: int) -> None:
    receiver.answers = [503]
    receiver.headers = {"Retry-After": header.encode().decode("latin-1")}
    assert send(receiver.url).retry_after == seconds


# --- Encryption ---------------------------------------------------------------------------------------------


def certificate(folder: Path, *hosts: str, days: int = 1) -> ssl.SSLContext:
    """Return a server's TLS context with a self-signed certificate for these hosts; its file is `ca.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    names = [x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host) for host in hosts]
    made = timezone.now() - timedelta(days=2)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(made)
        .not_valid_after(timezone.now() + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(secret + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


@pytest.mark.usefixtures("this_machine_is_allowed")
@pytest.mark.parametrize(
    ("hosts", "days", "known", "reached"),
    [
        (["localhost"], 1, True, True),
        (["localhost"], 1, False, False),
        (["shop.example"], 1, True, False),
        (["localhost"], -1, True, False),
    ],
    ids=["for this host", "of nobody known", "for another host", "expired"],
)
def test_only_a_valid_certificate_of_this_host_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hosts: list[str], days: int, known: bool, reached: bool
) -> None:
    context = certificate(tmp_path, *hosts, days=days)
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    ipv4 = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
    with running_receiver(lambda line: context.wrap_socket(line, server_side=True)) as receiver:
        ipv4[0] = (*ipv4[0][:4], ("127.0.0.1", receiver.port))  # type: ignore[assignment]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ipv4)
        url = f"https://localhost:{receiver.port}/"
        if reached:
            assert send(url).status == 200
        else:
            with pytest.raises(SendError, match="not_encrypted"):
                send(url)
        assert len(receiver.received) == reached


def test_a_server_that_speaks_no_tls_is_said(receiver: Receiver) -> None:
    with pytest.raises(SendError, match="not_encrypted"):
        send(receiver.url.replace("http:", "https:"))
