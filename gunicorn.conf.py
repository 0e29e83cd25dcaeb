"""Configuration of the production web server; `gunicorn`, started in this folder, reads it.

Let no client connect to it directly: a connection that sends nothing occupies a thread. A proxy belongs in front
(deploy/nginx.conf), which passes on whole requests only.
"""

import os
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config import env, logs

MOST_WORKERS = 4  # by default
# Each thread keeps a database connection. Of the 100 that PostgreSQL allows by default, these are for the web server.
CONNECTIONS = 64
MOST_THREADS = 32  # more gain nothing: the processor is the limit then

wsgi_app = "config.wsgi"
proc_name = "refund-desk"

# Requests wait on i'mport and on the database, so use threads. The worker's main loop sends the heartbeat, so `timeout`
# ends a worker that hangs but never a long request.
worker_class = "gthread"
timeout = 60
# Before a worker ends (SIGTERM, `max_requests`), its requests have this long to finish: a call to i'mport takes 65 s at
# most with the default time-outs. A refund that is interrupted all the same is settled by reading i'mport.
graceful_timeout = 75
# Longer than the proxy keeps an idle connection (nginx: 60 s): a request sent while we close one would be lost. Idle
# connections occupy no thread.
keepalive = 75

# Limits slow leaks; the jitter keeps workers from restarting together.
max_requests = 10_000
max_requests_jitter = 1_000

# Long enough for the admin's longest URLs (50 ids); MAX_BODY_BYTES limits bodies.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# The worker heartbeat must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn makes a unique name
# The control socket is not used, and the file system may be read-only.
control_socket_disable = True
# Django handles the proxy's headers (BEHIND_PROXY), so that one switch decides.
forwarded_allow_ips = ""
# `monitoring.access` logs each request.
accesslog = None


def post_worker_init(worker: Any) -> None:
    """Keep threads free for pages and probes while i'mport or the database is slow."""
    # The worker has loaded the application by now.
    from core.http.last_thread import set_threads  # noqa: PLC0415
    from payments.gateway.slots import limit_calls  # noqa: PLC0415

    set_threads(worker.cfg.threads)
    limit_calls(worker.cfg.threads)


try:
    env.read_dotenv(Path(__file__).resolve().parent / ".env")
    if env.is_set("BIND"):
        bind = env.text("BIND", "")
    # The processors this process may use; in a container fewer than the machine has.
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = env.count("WEB_CONCURRENCY", 0) or max(2, min(usable, MOST_WORKERS))
    threads = max(8, min(MOST_THREADS, CONNECTIONS // workers))
    debug = env.flag("DEBUG", default=False)
    logconfig_dict = logs.settings(
        level=env.choice("LOG_LEVEL", "INFO", logs.LEVELS),
        form=env.choice("LOG_FORMAT", "line" if debug else "json", logs.FORMATS),
    )
except ImproperlyConfigured as exc:
    sys.stderr.write(f"{exc}\n")
    sys.exit(2)
