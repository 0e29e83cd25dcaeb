"""A real server rejects large bodies and uploads without reading or storing them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from access.tokens.service import create_token
from tests.factories import make_user
from tests.sign_in import SHOP

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
HEAD = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'


@dataclass(frozen=True)
class Server:
    port: int
    pid: int
    folder: Path  # of its temporary files

    @property
    def memory(self) -> int:
        """Return the bytes in use by all of its processes."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        statuses = (Path(f"/proc/{pid}/status").read_text() for pid in (str(self.pid), *children))
        return sum(int(line.split()[1]) * 1024 for text in statuses for line in text.splitlines() if "VmRSS" in line)


@pytest.fixture
def server(child_environment: Callable[..., dict[str, str]], tmp_path: Path) -> Iterator[Server]:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "2"]
    environment = child_environment(TMPDIR=str(tmp_path))
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(port)
        yield Server(port, process.pid, tmp_path)
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise AssertionError("the server does not answer")


def send(server: Server, path: str, *, announced: int, sent: int, headers: dict[str, str]) -> tuple[int, int]:
    """Send up to `sent` bytes of a body of `announced`; return the status, and how many bytes the server accepted."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {announced}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    taken = 0
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        chunk = HEAD + b"x" * MIB
        with suppress(ConnectionError):
            while taken < sent:
                connection.sendall(chunk)
                taken += len(chunk)
        with suppress(ConnectionError):
            answer = connection.recv(4096)
            return int(answer.split(b" ")[1]) if answer else 0, taken
    return 0, taken


MULTIPART = {"Content-Type": "multipart/form-data; boundary=edge"}


LARGE = (
    (SHOP, "multipart/form-data; boundary=edge"),
    ("/admin/login/", "multipart/form-data; boundary=edge"),
    ("/payments/cancel", "multipart/form-data; boundary=edge"),
    ("/payments/cancel", "application/json"),
    ("/webhooks/iamport", "multipart/form-data; boundary=edge"),
    (SHOP, "application/x-www-form-urlencoded"),
)


@pytest.mark.django_db(transaction=True)
def test_body_of_200_megabytes_uses_neither_memory_nor_disk(server: Server) -> None:
    for path, content_type in LARGE:
        send(server, path, announced=0, sent=0, headers={})  # loads what only a first request loads
        before = server.memory

        status, taken = send(server, path, announced=200 * MIB, sent=200 * MIB, headers={"Content-Type": content_type})

        assert status in {0, 413}, path  # 0: the server may close the connection before the sender reads the response
        assert taken < 20 * MIB, path
        assert server.memory - before < 20 * MIB, path
    assert not [file for file in server.folder.rglob("*") if file.is_file() and file.stat().st_size > 1000]
    # The rejection is sent before the body arrives.
    assert send(server, SHOP, announced=200 * MIB, sent=0, headers=MULTIPART)[0] == 413


# --- Chunks ---------------------------------------------------------------------------------------------------------


def send_raw(server: Server, text: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; return the status and all that the server answers."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as connection:
        with suppress(ConnectionError):
            connection.sendall(text)
        answer = b""
        with suppress(ConnectionError):
            while piece := connection.recv(65536):
                answer += piece
    return int(answer.split(b" ")[1]) if answer else 0, answer


def in_chunks(path: str, pieces: list[bytes], *, content_type: str, end: bytes = b"0\r\n\r\n", more: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n{more}"
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return f"{head}Content-Type: {content_type}\r\n\r\n".encode() + body + end


JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@pytest.mark.django_db(transaction=True)
def test_a_body_in_chunks_is_read_up_to_the_limit_and_refused_if_malformed(server: Server) -> None:
    _token, secret = create_token(user=make_user(), name="shop")
    cancel, notice = [b'{"merchant_uid": ', b'"nobody"}'], [b'{"imp_uid"', b': "imp_1"}']
    authorization = f"Authorization: Token {secret}\r\n"

    cancelled = send_raw(server, in_chunks("/payments/cancel", cancel, content_type=JSON, more=authorization))
    assert (cancelled[0], b"payment_not_found" in cancelled[1]) == (404, True)
    assert send_raw(server, in_chunks("/webhooks/iamport", notice, content_type=JSON))[0] == 200
    assert send_raw(server, in_chunks("/webhooks/iamport", [b"imp_uid=imp_2"], content_type=FORM))[0] == 200
    assert send_raw(server, in_chunks("/webhooks/iamport", [b"{}"], content_type=JSON))[0] == 400

    large = [b"x" * 65536] * 9  # 576 KiB
    for path in ("/payments/cancel", "/webhooks/iamport", "/admin/login/"):
        assert send_raw(server, in_chunks(path, large, content_type=FORM))[0] == 413, path
    assert send_raw(server, in_chunks("/webhooks/iamport", [b"x" * 20_000], content_type=JSON))[0] == 413

    def post(pieces: list[bytes], end: bytes, more: str = "") -> int:
        return send_raw(server, in_chunks("/webhooks/iamport", pieces, content_type=JSON, end=end, more=more))[0]

    good = [b'{"imp_uid": "imp_3"}']
    assert post(good, b"zz\r\n\r\n") == 400
    assert post(good, b"5\r\nabcdefgh\r\n0\r\n\r\n") == 400  # longer than it says
    assert post(good, b"0\r\nbad trailer\r\n\r\n") == 400
    assert post(good, b"0\r\n\r\n", more="Content-Length: 5\r\n") == 400
    assert post(good, b"0\r\n\r\n", more="Transfer-Encoding: gzip\r\n") in (400, 501)


@pytest.mark.parametrize("coding", ["chunked", "gzip, chunked", "Chunked"])
@pytest.mark.parametrize("path", ["/payments/cancel", "/webhooks/iamport", "/admin/login/"])
def test_a_server_that_does_not_know_the_end_asks_for_the_length(client: Client, path: str, coding: str) -> None:
    answer = client.post(path, b"{}", content_type=JSON, HTTP_TRANSFER_ENCODING=coding)

    assert answer.status_code == 411
    assert path == "/admin/login/" or answer.json()["code"] == "length_required"


# --- Messages -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_small_file_is_rejected_too(client: Client) -> None:
    file = SimpleUploadedFile("a.txt", b"hello")

    assert client.post(SHOP, {"username": "a", "password": "b", "file": file}).status_code == 400


@pytest.mark.django_db
def test_api_explains_that_it_takes_no_files(client: Client) -> None:
    client.force_login(make_user())
    answer = client.post("/payments/cancel", {"file": SimpleUploadedFile("a.txt", b"hello")})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("path", "text"), [(SHOP, "The request is too large"), ("/payments/cancel", '"code": "too_large"')]
)
def test_large_body_is_rejected_with_a_message(client: Client, path: str, text: str) -> None:
    answer = client.post(path, b"x" * (512 * 1024 + 1), content_type="application/x-www-form-urlencoded")

    assert (answer.status_code, text in answer.text) == (413, True)


@pytest.mark.django_db
def test_form_with_thousands_of_fields_is_rejected(client: Client) -> None:
    assert client.post(SHOP, {f"field{number}": "" for number in range(1_001)}).status_code == 400


@pytest.mark.parametrize("length", ["", "nonsense", "-5", "１２"])
@pytest.mark.django_db
def test_malformed_content_length_causes_no_server_error(client: Client, length: str) -> None:
    answer = client.get("/", CONTENT_LENGTH=length)

    assert answer.status_code == 200
