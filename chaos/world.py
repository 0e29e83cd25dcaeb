"""The processes of a run: a sandbox i'mport, a database, and a web server that can be killed at any time."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests import production
from tests.production import HOST, ROOT
from tests.proof.own_postgres import OwnPostgres
from tests.sandbox_server import SandboxServer

CONNECT_TIMEOUT, READ_TIMEOUT = 1.0, 1.5  # seconds
LEASE = 12.0  # seconds; longer than any call of this run can take
START_SECONDS = 60


def environment(database_url: str, sandbox: SandboxServer, folder: Path) -> dict[str, str]:
    """Return the environment of a production server, with short time-outs."""
    return {
        **production.environment(database_url, sandbox, folder),
        "LOG_LEVEL": "WARNING",
        "IAMPORT_CONNECT_TIMEOUT": str(CONNECT_TIMEOUT),
        "IAMPORT_READ_TIMEOUT": str(READ_TIMEOUT),
        "IAMPORT_CONTRACTS": "vbank_refund",
        "REFUND_LEASE_SECONDS": str(LEASE),
    }


@dataclass
class Killable:
    """A process that can be killed with its children at any time, and started again."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    kills: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        with self._lock, self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """Send SIGKILL to the process and its children at once."""
        with self._lock:
            if self._process is not None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                self._process = None
                self.kills += 1


class WebServer(Killable):
    """gunicorn with threads, as in production; keeps its port."""

    def __init__(self, environment: dict[str, str], port: int, log: Path) -> None:
        address = f"{HOST}:{port}"
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", address, "--log-level", "warning"]
        super().__init__(command, environment, log)
        self.url = f"http://{address}"

    def start(self, *, wait: bool = True) -> None:
        super().start()
        if wait:
            self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                requests.get(f"{self.url}/healthz", timeout=5)
            except requests.RequestException:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"the web server does not answer; see {self.log}")


@dataclass
class World:
    """The processes of a run."""

    sandbox: SandboxServer
    web: WebServer
    environment: dict[str, str]
    postgres: OwnPostgres | None  # None on SQLite
    stopping: threading.Event = field(default_factory=threading.Event)

    def manage(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a `manage.py` command in its own process."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
