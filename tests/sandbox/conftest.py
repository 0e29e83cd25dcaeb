"""Fixtures of the sandbox's own tests: one real server, reset before each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from tests.sandbox_server import JSON, SandboxServer

# 2026-03-16 12:00 in Seoul: a Monday noon in the middle of a month, far from every limit.
NOON = 1_773_630_000

Cancel = Callable[..., JSON]
Received = tuple[str, bytes]


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer.start(tmp_path_factory.mktemp("own-sandbox") / "sandbox.sqlite3") as server:
        yield server


@pytest.fixture
def sandbox(sandbox_process: SandboxServer) -> SandboxServer:
    """Return the reset server with its clock stopped at noon."""
    sandbox_process.reset()
    sandbox_process.settings(now=NOON)
    return sandbox_process


@pytest.fixture
def cancel(sandbox: SandboxServer) -> Cancel:
    """Return a function that sends a cancel and returns the response's JSON."""

    def send(**body: Any) -> JSON:
        answer: JSON = sandbox.api("POST", "payments/cancel", json=body).json()
        return answer

    return send


@pytest.fixture
def receiver() -> Iterator[tuple[str, Queue[Received]]]:
    """Run a merchant's server; yield its notification URL and the queue of received (content type, body)."""
    received: Queue[Received] = Queue()

    class Merchant(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            received.put((self.headers["Content-Type"], body))

        def log_message(self, *args: Any) -> None:
            """Suppress the log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Merchant) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/webhooks/iamport", received
        server.shutdown()
        thread.join()
