"""Start the shop, its worker and a sandbox i'mport with sample orders; Ctrl-C stops them and keeps the data."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from filelock import FileLock, Timeout

HOST = "127.0.0.1"
PROJECT_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = PROJECT_DIR / "var"
START_SECONDS = 60
STOP_SECONDS = 10
DATABASE, SANDBOX_DATABASE = VAR_DIR / "demo.sqlite3", VAR_DIR / "demo-sandbox.sqlite3"
TOKEN = ("api_token", "staff", "--name", "make demo", "--days", "1")
# Quiet, with the schedule started by the worker.
WORKER = ("-m", "celery", "-q", "-A", "config", "worker", "--pool", "threads", "-B", "--loglevel", "WARNING")
# No proxy of the environment between two local servers.
OPENER = build_opener(ProxyHandler({}))

GUIDE = """
Shop             {shop}
Admin            {shop}admin/
API docs         {shop}api/docs
Sandbox i'mport  {sandbox}console/   payments as i'mport has them; switch faults on here

First step: open the shop, sign in as buyer and press "Request refund".
As staff: open the admin, sign in as staff, open Payments and press "Refund…" beside an order.
Two pairs of eyes: sign in as approver and open Approvals. A refund above ₩500,000 waits there.

From a second terminal, over REST and with manage.py:
  curl {shop}payments/cancel -H "Authorization: Bearer {token}" -H "Content-Type: application/json" \\
    -d '{{"merchant_uid": "maru-2001", "cancel_request_amount": 1000, "reason": "size"}}'
  .venv/bin/python scripts/demo.py{ports} refund maru-2018 --amount 4000 --reason size

Ctrl-C stops everything."""


class DemoError(Exception):
    """The demo cannot run; the message says why and what to do."""


def demo_environment(port: int, sandbox_port: int) -> dict[str, str]:
    """Return the whole environment of the processes; a developer's own .env and database stay untouched."""
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        # Celery warns when it runs as root; this is only a demo.
        "PYTHONWARNINGS": "ignore",
        "DJANGO_RUNSERVER_HIDE_WARNING": "true",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DJANGO_READ_DOTENV": "0",
        "DEBUG": "true",
        # One language for pages, commands and README; a browser's own language still takes precedence.
        "LANGUAGE_CODE": os.environ.get("LANGUAGE_CODE") or "en",
        "ALLOWED_HOSTS": "",
        "SECRET_KEY": "",
        "HTTPS_ONLY": "false",
        "BEHIND_PROXY": "false",
        "LOG_LEVEL": "WARNING",
        "STAFF_TWO_FACTOR": "",
        "VAR_DIR": str(VAR_DIR),
        "DATABASE_URL": f"sqlite:///{DATABASE}",
        "IAMPORT_API_URL": f"http://{HOST}:{sandbox_port}",
        "IAMPORT_IMP_KEY": "sandbox_key",
        "IAMPORT_IMP_SECRET": "sandbox_secret",
        "IAMPORT_CONTRACTS": "vbank_refund",
        "IAMPORT_WEBHOOK_ALLOWED_IPS": "",
        # Of the sample orders one is above it: its refund waits for a second person.
        "REFUND_APPROVAL_ABOVE": "500000",
        # No mail leaves the machine; the admin shows what buyers were told.
        "EMAIL_URL": "dummy://",
        "EMAIL_FROM": "refunds@maru.example",
        "CELERY_BROKER_URL": "",
        "CACHE_URL": "",
        # A receiver of events for a trial runs on this machine.
        "WEBHOOK_ALLOWED_NETWORKS": f"{HOST}/32",
        "WEBHOOK_ALLOW_HTTP": "true",
        "SANDBOX_WEBHOOK_URL": f"http://{HOST}:{port}/webhooks/iamport",
        "SANDBOX_EXIT_ON_STDIN_EOF": "1",
    }


def check_port_is_free(port: int, variable: str) -> None:
    with closing(socket.socket()) as probe:
        # As the servers do: a port that was just released counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as exc:
            reason = str(getattr(exc, "strerror", exc)).lower()
            raise DemoError(
                f"Port {port} cannot be used: {reason}. Is a demo running already? If not, choose another port: "
                f"make demo {variable}={port + 10 if port < 60_000 else 8010}"
            ) from None


def manage(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=PROJECT_DIR, env=environment, check=False)
    if done.returncode:
        raise DemoError(f"manage.py {arguments[0]} failed; see the lines above")


def new_token(environment: dict[str, str]) -> str:
    """Return a new API token of `staff`."""
    command = [sys.executable, "manage.py", *TOKEN]
    done = subprocess.run(command, cwd=PROJECT_DIR, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise DemoError(f"manage.py {TOKEN[0]} failed; see the lines above")
    return done.stdout.strip()


def start(stack: ExitStack, environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """Start a server that ends with `stack`. Ctrl-C reaches this script only, which then stops the servers."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=PROJECT_DIR,
        env=environment,
        # The sandbox stops by itself when this pipe closes, even if this script is killed.
        stdin=subprocess.PIPE,
        # Their greetings, with addresses of their own; errors and warnings go to standard error.
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    stack.callback(stop, process)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and its children, even if the server itself was killed before."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        if group_has_ended(process):
            return


def group_has_ended(process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def wait_until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoError(f"the server at {url} stopped; see the lines above")
        try:
            OPENER.open(url, timeout=2).close()
        except HTTPError as exc:
            raise DemoError(f"{url} answers with {exc}; see the lines above") from None
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise DemoError(f"nothing answers at {url} after {START_SECONDS} seconds")


def run(port: int, sandbox_port: int) -> None:
    check_port_is_free(port, "PORT")
    check_port_is_free(sandbox_port, "SANDBOX_PORT")
    if port == sandbox_port:
        raise DemoError("PORT and SANDBOX_PORT are the same. Choose two ports")
    environment = demo_environment(port, sandbox_port)
    shop_url, sandbox_url = f"http://{HOST}:{port}/", f"http://{HOST}:{sandbox_port}/"
    with demo_data(), ExitStack() as stack:
        manage(environment, "migrate", "--verbosity", "0")
        address = ("--host", HOST, "--port", str(sandbox_port))
        database = ("--database", str(SANDBOX_DATABASE))
        sandbox = start(stack, environment, "-m", "sandbox", *address, *database)
        wait_until_it_answers(sandbox, sandbox_url)
        shop = start(stack, environment, "manage.py", "runserver", f"{HOST}:{port}", "--noreload")
        wait_until_it_answers(shop, f"{shop_url}healthz")
        manage(environment, "demo")
        worker = start(stack, environment, *WORKER)
        ports = "" if (port, sandbox_port) == (8000, 8001) else f" --port {port} --sandbox-port {sandbox_port}"
        print(GUIDE.format(shop=shop_url, sandbox=sandbox_url, token=new_token(environment), ports=ports))
        watch({"shop": shop, "local i'mport": sandbox, "worker": worker})


def reset() -> None:
    """Delete the demo's data, unless a demo is running."""
    with demo_data():
        for database in (DATABASE, SANDBOX_DATABASE):
            for part in ("", "-wal", "-shm"):
                database.with_name(database.name + part).unlink(missing_ok=True)
    print('The demo\'s data is deleted. "make demo" starts with fresh orders.')


@contextmanager
def demo_data() -> Iterator[None]:
    """Keep the demo's data to this process. Raises `DemoError` while a demo of this folder runs, on any port."""
    VAR_DIR.mkdir(exist_ok=True)
    try:
        with FileLock(VAR_DIR / "demo.lock", timeout=0):
            yield
    except Timeout:
        raise DemoError("A demo of this folder is running. Stop it first.") from None


def watch(servers: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Return never: raise `DemoError` with the name of the server that stopped."""
    while True:
        for name, server in servers.items():
            if server.poll() is not None:
                raise DemoError(f"the {name} stopped; see the lines above")
        time.sleep(0.5)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--sandbox-port", type=int, default=8001)
    parser.add_argument("--reset", action="store_true", help="delete the demo's data, and start nothing")
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, help="run this manage.py command in a running demo instead"
    )
    options = parser.parse_args()
    if options.command:
        environment = demo_environment(options.port, options.sandbox_port)
        return subprocess.run(
            [sys.executable, "manage.py", *options.command], cwd=PROJECT_DIR, env=environment, check=False
        ).returncode
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        if options.reset:
            reset()
        else:
            run(options.port, options.sandbox_port)
    except DemoError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except KeyboardInterrupt:
        print('\nStopped. "make demo" continues with this data; "make demo-reset" deletes it.')
    return 0


if __name__ == "__main__":
    sys.exit(main())
