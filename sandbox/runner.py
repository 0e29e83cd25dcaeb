"""Serve; called by __main__ once Django is set up."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError

from sandbox.httpd import SandboxHTTPServer, SandboxRequestHandler
from sandbox.server.due import do_due_forever

TICK_SECONDS = 0.2


class DatabaseUnusable(Exception):
    """The database file cannot be created, read or migrated."""


def prepare_database() -> None:
    """Create and migrate the database. Raises `DatabaseUnusable`."""
    path = Path(str(settings.DATABASES["default"]["NAME"]))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        for model in apps.get_app_config("sandbox_server").get_models():
            model._default_manager.first()  # noqa: SLF001 - fails if an earlier version made the tables
    except (OSError, DatabaseError) as exc:
        raise DatabaseUnusable(f"Cannot use {path} as the database: {exc}") from exc


def serve(host: str, port: int) -> None:
    """Print the address and serve until SIGTERM or SIGINT."""
    server = SandboxHTTPServer((host, port), SandboxRequestHandler, ipv6=":" in host)
    server.set_app(get_wsgi_application())
    stopping = threading.Event()

    def stop(_signum: int, _frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever(), which runs in this thread.
        stopping.set()
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if os.environ.get("SANDBOX_EXIT_ON_STDIN_EOF") == "1":
        threading.Thread(target=exit_with_parent, daemon=True).start()
    threading.Thread(target=do_due_forever, args=(stopping, TICK_SECONDS), daemon=True).start()
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{server.server_port}"
    sys.stdout.write(f"Sandbox i'mport API at {address} (console: {address}/console/)\n")
    sys.stdout.flush()
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()


def exit_with_parent() -> None:
    """Stop when standard input closes: the parent process has ended."""
    # Not through sys.stdin: a waiting read holds its lock, and the interpreter would crash at exit.
    while os.read(0, 4096):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
