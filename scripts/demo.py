"""Start the shop, its worker and a sandbox i'mport with sample orders; Ctrl-C stops them and keeps the data."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

HOST = "127.0.0.1"
PROJECT_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = PROJECT_DIR / "var"
START_SECONDS = 60
STOP_SECONDS = 10
# Quiet, with the schedule in the same process.
WORKER = ("-m", "celery", "-q", "-A", "config", "worker", "--pool", "threads", "-B", "--loglevel", "WARNING")
# No proxy of the environment between two local servers.
OPENER = build_opener(ProxyHandler({}))


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
        "ALLOWED_HOSTS": "",
        "SECRET_KEY": "",
        "HTTPS_ONLY": "false",
        "BEHIND_PROXY": "false",
        "LOG_LEVEL": "WARNING",
        "STAFF_TWO_FACTOR": "",
        "VAR_DIR": str(VAR_DIR),
        "DATABASE_URL": f"sqlite:///{VAR_DIR / 'demo.sqlite3'}",
        "IAMPORT_API_URL": f"http://{HOST}:{sandbox_port}",
        "IAMPORT_IMP_KEY": "sandbox_key",
        "IAMPORT_IMP_SECRET": "sandbox_secret",
        "IAMPORT_CONTRACTS": "vbank_refund",
        "IAMPORT_WEBHOOK_ALLOWED_IPS": "",
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
            raise DemoError(
                f"port {port} cannot be used ({exc}). Choose another, such as make demo {variable}=8010"
            ) from None


def manage(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=PROJECT_DIR, env=environment, check=False)
    if done.returncode:
        raise DemoError(f"manage.py {arguments[0]} failed; see the lines above")


def start(stack: ExitStack, environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """Start a server that ends with `stack`. Ctrl-C reaches this script only, which then stops the servers."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=PROJECT_DIR,
        env=environment,
        # The sandbox stops by itself when this pipe closes, even if this script is killed.
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    stack.callback(stop, process)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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
    VAR_DIR.mkdir(exist_ok=True)
    environment = demo_environment(port, sandbox_port)
    shop_url, sandbox_url = f"http://{HOST}:{port}/", f"http://{HOST}:{sandbox_port}/"
    with ExitStack() as stack:
        manage(environment, "migrate", "--verbosity", "0")
        address = ("--host", HOST, "--port", str(sandbox_port))
        database = ("--database", str(VAR_DIR / "demo-sandbox.sqlite3"))
        sandbox = start(stack, environment, "-m", "sandbox", *address, *database)
        wait_until_it_answers(sandbox, sandbox_url)
        shop = start(stack, environment, "manage.py", "runserver", f"{HOST}:{port}", "--noreload")
        wait_until_it_answers(shop, f"{shop_url}healthz")
        worker = start(stack, environment, *WORKER)
        manage(environment, "demo")
        print(f"\nShop     {shop_url}\nAdmin    {shop_url}admin/\ni'mport  {sandbox_url}\nCtrl-C stops everything.")
        watch(shop, sandbox, worker)


def watch(*servers: subprocess.Popen[bytes]) -> None:
    while all(server.poll() is None for server in servers):
        time.sleep(0.5)
    raise DemoError("a process stopped; see the lines above")


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--sandbox-port", type=int, default=8001)
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        run(options.port, options.sandbox_port)
    except DemoError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The data stays in var/ for the next start.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
