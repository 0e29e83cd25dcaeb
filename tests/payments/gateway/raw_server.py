"""A real HTTP server that sends given bytes, for behaviour that no mock of `requests` can show."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

TOKEN = {"access_token": "token-1", "now": 1_000, "expired_at": 2_800}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True)
class Reply:
    """Bytes to send once `wait` is set, one by one if `drip` (seconds) is given; then close or reset."""

    raw: bytes = b""
    wait: threading.Event | None = None
    drip: float = 0
    close: bool = False
    reset: bool = False


def http(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = {"Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def envelope(response: Any = None, code: int = 0, message: str | None = None) -> bytes:
    return json.dumps({"code": code, "message": message, "response": response}).encode()


def ok(response: Any) -> Reply:
    return Reply(http(envelope(response)))


@dataclass
class RawServer:
    """Reply to calls with `answer`, and to token requests, which are counted separately, with `token`."""

    answer: Callable[[Request], Reply] = lambda _: ok({})
    token: Callable[[], Reply] = lambda: ok(TOKEN)
    calls: list[Request] = field(default_factory=list)
    token_calls: list[Request] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    @contextmanager
    def running(self) -> Iterator[Self]:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self.listener.close()
            self.hang_up()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"

    def hang_up(self) -> None:
        """Close every open connection, as a server does with idle ones."""
        while self.open:
            connection = self.open.pop()
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while (request := _read(stream, number)) is not None:
                    if not self._reply(connection, request):
                        return
        except OSError:
            return

    def _reply(self, connection: socket.socket, request: Request) -> bool:
        is_token = request.path.startswith("/users/getToken")
        (self.token_calls if is_token else self.calls).append(request)
        reply = self.token() if is_token else self.answer(request)
        if reply.wait is not None:
            reply.wait.wait(30)
        if reply.drip:
            for position in range(len(reply.raw)):
                connection.sendall(reply.raw[position : position + 1])
                threading.Event().wait(reply.drip)
        else:
            connection.sendall(reply.raw)
        if reply.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return not (reply.close or reply.reset)


def _read(stream: Any, number: int) -> Request | None:
    first = stream.readline().decode().split()
    if len(first) < 2:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Request(first[0], first[1], headers, body, number)
