"""Run the processes of a production server, as docs/operations.md starts them, on a test's own database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.proof.own_postgres import free_port
from tests.sandbox_server import SandboxServer

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
SECONDS = 60  # for a start or a stop; a busy machine is slow
# The folder of the environment's programs, such as gunicorn and celery.
PROGRAMS = Path(sys.executable).parent
WEB = ["gunicorn"]
MORE_WORKERS = ["celery", "--quiet", "--app", "config", "worker", "--pool", "threads"]
WORKER = [*MORE_WORKERS, "--beat"]


@dataclass
class Server:
    """A running process; `url` is empty if it does not listen."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    def terminate(self) -> None:
        """Send SIGTERM, as systemd and Docker do."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the process and return its exit code."""
        return self.process.wait(SECONDS)


def environment(database_url: str, sandbox: SandboxServer, folder: Path) -> dict[str, str]:
    """Return the environment of a production server; its own files go to `folder`."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DJANGO_READ_DOTENV": "0",
        "DEBUG": "false",
        "SECRET_KEY": "only-for-this-run-" * 4,
        "ALLOWED_HOSTS": HOST,
        "HTTPS_ONLY": "false",
        "BEHIND_PROXY": "false",
        "LANGUAGE_CODE": "en",
        "DATABASE_URL": database_url,
        "VAR_DIR": str(folder / "var"),
        "CELERY_BROKER_URL": "",
        "CACHE_URL": "",
        # No rate limits: the load is intended.
        **dict.fromkeys(("API_RATE_TOKEN", "API_RATE_USER", "API_RATE_REFUND", "API_RATE_ADDRESS"), "0"),
        "IAMPORT_API_URL": sandbox.url,
        "IAMPORT_IMP_KEY": sandbox.imp_key,
        "IAMPORT_IMP_SECRET": sandbox.imp_secret,
        "IAMPORT_WEBHOOK_ALLOWED_IPS": "",
    }


def wait_for(what: Callable[[], object], why: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.05)


@contextmanager
def running(
    command: list[str], environment: dict[str, str], log: Path, *, folder: Path = ROOT, url: str = ""
) -> Iterator[Server]:
    """Run a process in `folder`; end it with the block, even after an error."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PROGRAMS / command[0]), *command[1:]],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(process, log, url)
    try:
        yield server
    finally:
        if process.poll() is None:
            server.terminate()
        try:
            server.wait()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # End the children of a killed process too, such as that of Celery's `--beat`.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def running_web(
    environment: dict[str, str],
    log: Path,
    folder: Path = ROOT,
    *,
    command: list[str] = WEB,
    workers: int | None = 1,  # None: the default of gunicorn.conf.py
) -> Iterator[Server]:
    """Run gunicorn with its production settings, and wait until it answers."""
    address = f"{HOST}:{free_port()}"
    environment = {**environment, "BIND": address}
    environment.pop("WEB_CONCURRENCY", None)
    if workers is not None:
        environment["WEB_CONCURRENCY"] = str(workers)
    with running(command, environment, log, folder=folder, url=f"http://{address}") as server:
        wait_for(lambda: server.process.poll() is not None or _answers(server.url), "the web server does not answer")
        assert server.process.poll() is None, log.read_text()
        yield server


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.RequestException:
        return False
