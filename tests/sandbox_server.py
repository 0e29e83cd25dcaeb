"""Start the sandbox i'mport server as a real subprocess and control it over HTTP.

with SandboxServer.start(tmp_path / "sandbox.sqlite3") as sandbox:
    payment = sandbox.create_payment(amount=10_000)
    sandbox.fault("cancel", "drop_after", times=1)
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from tests.sandbox_control import JSON, SandboxControl, SandboxError

__all__ = ["JSON", "SandboxError", "SandboxServer"]

PROJECT_ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_SECONDS = 30.0


class SandboxServer(SandboxControl):
    """One running sandbox."""

    def __init__(self, process: subprocess.Popen[str], url: str, database_path: Path) -> None:
        super().__init__(url)
        self.process = process
        self.database_path = database_path

    @classmethod
    def start(
        cls,
        database_path: str | os.PathLike[str],
        *,
        port: int = 0,
        env: dict[str, str] | None = None,
    ) -> SandboxServer:
        """Start a server on a free port with its own database; return when it accepts connections."""
        path = Path(database_path)
        command = [sys.executable, "-m", "sandbox", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--database", str(path)]
        process = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=child_environment(env or {}),
            stdin=subprocess.PIPE,  # the server stops when this pipe closes, even if the tests are killed
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        first_line = _read_first_line(process)
        if "http://" not in first_line:
            process.kill()
            process.wait()
            raise SandboxError(f"the sandbox did not start; its first line was {first_line!r}")
        return cls(process, first_line.split(" at ", 1)[1].split(" ", 1)[0], path)

    def __enter__(self) -> SandboxServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self, timeout_seconds: float = 10.0) -> int:
        """Stop it with SIGTERM, as an operator does, and return the exit code."""
        self._session.close()
        if self.process.poll() is None:
            self.process.terminate()
        return self._wait(timeout_seconds)

    def kill(self) -> int:
        """Stop it with SIGKILL, like a crash."""
        self._session.close()
        self.process.kill()
        return self._wait(10.0)

    def _wait(self, timeout_seconds: float) -> int:
        try:
            return self.process.wait(timeout_seconds)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()


def child_environment(extra: dict[str, str]) -> dict[str, str]:
    """Return this process's environment for a sandbox server, without the tests' Django settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    # The tests' own settings module must not leak into the other Django project.
    inherited.pop("DJANGO_SETTINGS_MODULE", None)
    return {**inherited, "PYTHONUNBUFFERED": "1", "SANDBOX_EXIT_ON_STDIN_EOF": "1", **extra}


def _read_first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    stdout = process.stdout
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=START_TIMEOUT_SECONDS)
    except queue.Empty:
        return "(nothing)"
