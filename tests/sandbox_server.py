"""Start the sandbox i'mport server as a real subprocess and control it over HTTP.

with SandboxServer.start(tmp_path / "sandbox.sqlite3") as sandbox:
    payment = sandbox.create_payment(amount=10_000)
    sandbox.fault("cancel", "drop_after", times=1)
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

PROJECT_ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_SECONDS = 30.0
CALL_TIMEOUT_SECONDS = 30.0
JSON = dict[str, Any]


class SandboxError(RuntimeError):
    """The sandbox did not start, or its control API refused a request."""


class SandboxServer:
    """One running sandbox; `url` has no trailing slash."""

    imp_key = "sandbox_key"
    imp_secret = "sandbox_secret"

    def __init__(self, process: subprocess.Popen[str], url: str, database_path: Path) -> None:
        self.process = process
        self.url = url
        self.database_path = database_path
        self._session = requests.Session()
        self._session.trust_env = False

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

    def reset(self) -> None:
        """Forget everything: payments, tokens, faults, log, settings."""
        self._call("POST", "reset", {})

    def create_payment(self, **fields: Any) -> JSON:
        """Create one payment (defaults: 10,000 KRW by card at html5_inicis, paid now)."""
        created: JSON = self._call("POST", "payments", fields)
        return created

    def create_payments(self, payments: list[JSON]) -> list[JSON]:
        """Create many payments in one transaction."""
        created: list[JSON] = self._call("POST", "payments", payments)
        return created

    def payment(self, imp_uid: str) -> JSON:
        """Return the sandbox's real state, whatever faults are active, plus `pending_cancels` and `balance`."""
        found: JSON = self._call("GET", f"payments/{imp_uid}")
        return found

    def console_cancel(
        self, imp_uid: str, amount: int | str | Decimal | None = None, reason: str | None = None
    ) -> JSON:
        """Cancel as staff do in the i'mport console (sends the webhook)."""
        body = {"amount": None if amount is None else str(amount), "reason": reason}
        payment: JSON = self._call("POST", f"payments/{imp_uid}/cancel", body)
        return payment

    def settle(self, imp_uid: str) -> JSON:
        """Execute the accepted, still pending cancels of a payment."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/settle", {})
        return payment

    def refuse(self, imp_uid: str) -> JSON:
        """Make the PG refuse the accepted, still pending cancels of a payment."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/refuse", {})
        return payment

    def pay(self, imp_uid: str) -> JSON:
        """Record the deposit for a virtual account."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/pay", {})
        return payment

    def fault(self, endpoint: str, fault: str, **options: Any) -> JSON:
        """Add a fault rule; options: times, probability, seconds, message, imp_uid."""
        rule: JSON = self._call("POST", "faults", {"endpoint": endpoint, "fault": fault, **options})
        return rule

    def faults(self) -> list[JSON]:
        """Return the active fault rules with how often each fired."""
        rules: list[JSON] = self._call("GET", "faults")
        return rules

    def clear_faults(self) -> None:
        """Remove every fault rule."""
        self._call("DELETE", "faults")

    def log(self, endpoint: str | None = None) -> list[JSON]:
        """Return the API calls received, oldest first."""
        calls: list[JSON] = self._call("GET", "log" + (f"?endpoint={endpoint}" if endpoint else ""))
        return calls

    def stats(self) -> dict[str, int]:
        """Return how many API calls each endpoint received (absent = none)."""
        counts: dict[str, int] = self._call("GET", "stats")
        return counts

    def settings(self, **changes: Any) -> JSON:
        """Change the given settings (see sandbox/README.md) and return all of them."""
        current: JSON = self._call("POST", "settings", changes) if changes else self._call("GET", "settings")
        return current

    def webhooks(self) -> list[JSON]:
        """Return the webhook delivery log, oldest first."""
        deliveries: list[JSON] = self._call("GET", "webhooks")
        return deliveries

    def resend_webhook(self, delivery_id: int) -> JSON:
        """Send a webhook once more, as i'mport sometimes does."""
        delivery: JSON = self._call("POST", f"webhooks/{delivery_id}/resend", {})
        return delivery

    def token(self) -> str:
        """Return a valid access token, for tests that use raw HTTP."""
        body = {"imp_key": self.imp_key, "imp_secret": self.imp_secret}
        answer = self._session.post(f"{self.url}/users/getToken", json=body, timeout=CALL_TIMEOUT_SECONDS)
        return str(answer.json()["response"]["access_token"])

    def api(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Make an authenticated raw API call, such as `api("POST", "payments/cancel", json={...})`."""
        headers = {"Authorization": self.token(), **kwargs.pop("headers", {})}
        timeout = kwargs.pop("timeout", CALL_TIMEOUT_SECONDS)
        return requests.request(method, f"{self.url}/{path}", headers=headers, timeout=timeout, **kwargs)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(
            method,
            f"{self.url}/_sandbox/{path}",
            data=None if body is None else json.dumps(body, default=str).encode(),
            headers={} if body is None else {"Content-Type": "application/json"},
            timeout=CALL_TIMEOUT_SECONDS,
        )
        if answer.status_code >= 400:
            raise SandboxError(f"{method} {path}: HTTP {answer.status_code}: {answer.text[:500]}")
        return json.loads(answer.text, parse_float=Decimal)

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
