"""A storefront's server for tests: receives events over HTTP, verifies them with the library, answers as configured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass
class Received:
    """One received request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified_with(self, secret: str) -> dict[str, Any]:
        """Return the content. Raises an error if this secret did not sign it."""
        content: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return content


@dataclass
class Receiver:
    """`answers` are used in order, the last one repeatedly: a status, or a function that answers."""

    url: str
    answers: list[int | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=lambda: [200])
    text: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    most_at_once: int = 0

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1].partition("/")[0])

    def wait_for(self, count: int, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while len(self.received) < count:
            assert time.monotonic() < deadline, f"{len(self.received)} of {count} events came in time"
            time.sleep(0.01)


@contextmanager
def running_receiver(wrap: Callable[[Any], Any] | None = None) -> Iterator[Receiver]:
    """Run a receiver; `wrap` may encrypt the server's socket."""
    lock, open_now = threading.Lock(), 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal open_now
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                open_now += 1
                receiver.most_at_once = max(receiver.most_at_once, open_now)
                answer = receiver.answers[min(len(receiver.received), len(receiver.answers) - 1)]
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
            try:
                self._answer(answer)
            finally:
                with lock:
                    open_now -= 1

        def _answer(self, answer: int | Callable[[BaseHTTPRequestHandler], None]) -> None:
            if callable(answer):
                answer(self)
                return
            self.send_response(answer)
            for name, value in {"Content-Length": str(len(receiver.text)), **receiver.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.text)

        def log_message(self, *_args: object) -> None:
            """Suppress the log."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            """Ignore it: the client may close the connection."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if wrap:
            server.socket = wrap(server.socket)
        receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hooks?shop=1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
