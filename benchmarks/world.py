"""The processes of a measurement: a sandbox i'mport, a durable database, and the servers and commands under test."""

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

from tests import production
from tests.production import MORE_WORKERS, ROOT, WORKER, Server
from tests.proof.own_postgres import OwnPostgres
from tests.sandbox_server import SandboxServer

DATABASES = ("postgres", "sqlite")
# It counts the statements of each database.
# A worker has a connection per thread: up to 256 in section f.
SERVER_OPTIONS = {"shared_preload_libraries": "pg_stat_statements", "max_connections": "400"}
NAMES = {"postgres": "PostgreSQL", "sqlite": "SQLite"}


@dataclass(frozen=True)
class Options:
    """Choose how to measure: `quick` takes few samples of little data, to try a section."""

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

    def web(
        self, *, command: list[str] = production.WEB, name: str = "web", changes: dict[str, str] | None = None
    ) -> AbstractContextManager[Server]:
        """Run gunicorn with gunicorn.conf.py and its default number of processes; `changes` of the environment."""
        environment = self.environment | (changes or {})
        return production.running_web(environment, self.folder / f"{name}.log", command=command, workers=None)

    def worker(self, number: int = 1) -> AbstractContextManager[Server]:
        """Run a Celery worker, as in production: only the first one has the schedule."""
        command = WORKER if number == 1 else MORE_WORKERS
        return production.running(command, self.environment, self.folder / f"worker{number}.log")

    def run(self, *command: str, text: str = "", **changes: str) -> str:
        """Run a Python command of the project to its end, with `text` as its input; return its output."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment | changes,
            input=text,
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

    def child(self, function: str, *, changes: dict[str, str] | None = None, **options: Any) -> Any:
        """Call `package.module:function` in a process with Django set up; options and result are JSON."""
        output = self.run("-m", "benchmarks.child", function, text=json.dumps(options), **(changes or {}))
        return json.loads(output.splitlines()[-1])


@contextmanager
def running_world(database: str, **changes: str) -> Iterator[World]:
    """Start a world; `changes` are variables of its environment."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="refund-bench-")))
        server = stack.enter_context(OwnPostgres(SERVER_OPTIONS)) if database == "postgres" else None
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


def memory_mib(server: Server) -> list[float]:
    """Return the memory (PSS) of a server's process and of each of its descendants in MiB."""
    return [_pss(process) for process in family(server.process.pid)]


def _pss(process: int) -> float:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
