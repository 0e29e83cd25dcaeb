"""Run a real web server with several processes, as in production, on the test's database."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
START_SECONDS = 60


@contextmanager
def running_web_server(environment: dict[str, str], log: Path, *, workers: int = 3, threads: int = 8) -> Iterator[str]:
    """Yield the URL of a running gunicorn. It inherits an open port, so no other process can take it."""
    with socket.create_server((HOST, 0), backlog=128) as listener, log.open("ab") as output:
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"fd://{listener.fileno()}"]
        command += ["--workers", str(workers), "--threads", str(threads), "--log-level", "warning"]
        command += ["--limit-request-line", "0"]  # the application rejects long URLs
        # A replaced worker, or a connection closed when idle, would look like a missing response.
        command += ["--max-requests", "0", "--keep-alive", "75"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, pass_fds=[listener.fileno()]
        )
        try:
            url = f"http://{HOST}:{listener.getsockname()[1]}"
            _wait_until_it_answers(url, process, log)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            requests.get(f"{url}/healthz", timeout=START_SECONDS)
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the web server does not answer: {log.read_text(errors='replace')[-2000:]}")
