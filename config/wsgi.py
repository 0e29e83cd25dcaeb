"""WSGI entry point: `gunicorn config.wsgi`."""

import logging
import os
import sys

from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

# gunicorn stops on exit code 3 ("cannot boot"); on any other code it keeps starting workers.
BOOT_FAILED = 3

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

try:
    application = get_wsgi_application()
except ImproperlyConfigured as exc:
    sys.stderr.write(f"{exc}\n")
    sys.exit(BOOT_FAILED)

for problem in run_checks(tags=["web"], include_deployment_checks=True):
    logging.getLogger(__name__).error("%s %s", problem.msg, problem.hint)
