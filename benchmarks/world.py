"""The processes of a measurement: a sandbox i'mport, a durable database, and the servers and commands under test."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

from tests import production
from tests.production import ROOT, WORKER, Server
from tests.proof.own_postgres import OwnPostgres
from tests.sandbox_server import SandboxServer

DATABASES = ("postgres", "sqlite")
NAMES = {"postgres": "PostgreSQL", "sqlite": "SQLite"}
JSON = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """How to measure: `quick` takes few samples of little data, to try a section."""

    quick: bool = False

    def choose(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass
class World:
    """A sandbox and a migrated database in a temporary folder, and the environment of a production server."""

    database: str  # "postgres" or "sqlite"
    folder: Path
    sandbox: SandboxServer
    environment: dict[str, str]
    postgres: OwnPostgres | None

    def set_latency(self, seconds: float, *endpoints: str) -> None:
        """Let the sandbox answer so much later: every call, or the calls of these endpoints."""
        self.sandbox.clear_faults()
        if seconds:
            for endpoint in endpoints or ("*",):
                self.sandbox.fault(endpoint, "latency", seconds=seconds)

    def web(
        self, *arguments: str, environment: dict[str, str] | None = None, name: str = "web"
    ) -> AbstractContextManager[Server]:
        """Run gunicorn with gunicorn.conf.py and its default number of processes."""
        return production.running_web(
            self.environment | (environment or {}),
            self.folder / f"{name}.log",
            command=[*production.WEB, *arguments],
            workers=None,
        )

    def worker(self) -> AbstractContextManager[Server]:
        """Run a Celery worker with its beat, as in production."""
        return production.running(WORKER, self.environment, self.folder / "worker.log")

    def run(self, *command: str, **changes: str) -> str:
        """Run a Python command of the project to its end; return its output."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment | changes,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command to its end; return its output."""
        return self.run("manage.py", *arguments)

    def child(self, function: str, **options: Any) -> Any:
        """Call `package.module:function` in a process that has Django set up; return its result, which is JSON.

        The process of `python -m benchmarks` has no Django of its own: Django is configured once per process.
        """
        *_rest, last = self.run("-m", "benchmarks.world", function, json.dumps(options)).splitlines()
        return json.loads(last)


@contextmanager
def running_world(database: str, **changes: str) -> Iterator[World]:
    """Start a world; `changes` are variables of its environment."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="refund-bench-")))
        server = stack.enter_context(OwnPostgres()) if database == "postgres" else None
        sandbox = stack.enter_context(SandboxServer.start(folder / "sandbox.sqlite3"))
        url = server.url if server else f"sqlite:///{folder}/refunds.sqlite3"
        # The log level of production: each request is logged.
        environment = {**production.environment(url, sandbox, folder), "LOG_LEVEL": "INFO", **changes}
        world = World(database, folder, sandbox, environment, server)
        world.manage("migrate", "--verbosity", "0")
        yield world


def cpu_seconds(*processes: int) -> float:
    """Return the user and system time that these processes have used, with the children that ended."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(process: int) -> list[int]:
    """Return a process and its living descendants."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [process, *(member for child in children for member in family(int(child)))]


def _main() -> None:
    """Call the function that `World.child` names."""
    module, _, name = sys.argv[1].partition(":")
    django.setup()
    function = getattr(importlib.import_module(module), name)
    sys.stdout.write(json.dumps(function(**json.loads(sys.argv[2]))) + "\n")


if __name__ == "__main__":
    _main()
