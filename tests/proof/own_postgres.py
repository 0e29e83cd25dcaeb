"""A PostgreSQL server that a test can stop at any time and start again with its data."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests import postgres

# A commit is written before it is reported, because these tests check that a stop loses none. Nothing waits for the
# disk, as no test cuts the power: after each stop the server would flush all its files there, for up to minutes.
OPTIONS = {**postgres.SERVER_OPTIONS, "synchronous_commit": "on"}


def free_port() -> int:
    return postgres._free_port()


class OwnPostgres:
    """Start the server with `with OwnPostgres() as server:`; `stop()` and `start()` may be repeated."""

    def __init__(self, options: dict[str, str] | None = None) -> None:
        self._options = {**OPTIONS, **(options or {})}
        self._account = postgres._unprivileged_account() if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="refund-chaos-", dir=postgres._temp_dir(self._account)))
        self._binaries = postgres._binaries(self._folder, self._account)
        if self._account:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        postgres._initdb(self._binaries, self._folder, self._account)
        self._port = postgres._free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.stops = 0

    @property
    def url(self) -> str:
        return postgres.Server(port=self._port).url

    @property
    def process_id(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        options = [f"--{name}={value}" for name, value in {**self._options, "port": self._port}.items()]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **postgres._as_account(self._account),
            )
        if not postgres._accepts_connections(self._process, self._port):
            raise postgres.PostgresError((self._folder / "server.log").read_text(errors="replace"))

    def stop(self) -> None:
        """Stop immediately, like a crash: connections break and open transactions are lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None
            self.stops += 1

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Suspend every process of the server: its connections stay open, and get no answer."""
        main = self.process_id
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        processes = [main, *map(int, children)]
        try:
            self._signal(processes, signal.SIGSTOP)
            yield
        finally:
            self._signal(processes, signal.SIGCONT)

    @staticmethod
    def _signal(processes: Iterable[int], number: signal.Signals) -> None:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
