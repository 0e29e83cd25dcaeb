"""The production web server: `gunicorn`, started in this folder, reads this file."""

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import env, logs

MOST_WORKERS = 4  # by default: each of them keeps up to `threads` connections to the database

env.read_dotenv(Path(__file__).resolve().parent / ".env")

wsgi_app = "config.wsgi"
proc_name = "refund-desk"

# The work waits on i'mport and on the database, so threads do it. A worker's own loop tells that it is alive, whatever
# its threads do: `timeout` ends one that hangs, and never a long request.
worker_class = "gthread"
threads = 8
timeout = 60
# A batch of 50 refunds runs inside its request: a second or two each. Before a worker ends (SIGTERM, `max_requests`),
# it has this long to finish. What is cut off all the same is carried on from the admin's result page.
graceful_timeout = 120
keepalive = 5

# Bounds whatever leaks slowly; not all workers at once.
max_requests = 10_000
max_requests_jitter = 1_000

# Long enough for the admin's longest addresses (50 ids); bodies have limits of their own.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# The sign of life must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn makes a name of its own
# Nobody steers it through a socket, and the file system may be read-only.
control_socket_disable = True
# Headers of the proxy are Django's business (BEHIND_PROXY), so that one switch decides.
forwarded_allow_ips = ""
# Every request has a line of ours (monitoring.access).
accesslog = None

try:
    if env.is_set("BIND"):
        bind = env.text("BIND", "")
    # The processors this process may use, which in a container are fewer than the machine has.
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = env.count("WEB_CONCURRENCY", 0) or max(2, min(usable, MOST_WORKERS))
    debug = env.flag("DEBUG", default=False)
    logconfig_dict = logs.settings(
        level=env.choice("LOG_LEVEL", "INFO", logs.LEVELS),
        form=env.choice("LOG_FORMAT", "line" if debug else "json", logs.FORMATS),
    )
except ImproperlyConfigured as exc:
    sys.stderr.write(f"{exc}\n")
    sys.exit(2)
