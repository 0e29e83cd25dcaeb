"""WSGI entry point: `gunicorn config.wsgi`."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

# gunicorn takes 3 as "cannot boot" and stops; with any other code it would start worker after worker.
BOOT_FAILED = 3

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

try:
    application = get_wsgi_application()
except ImproperlyConfigured as exc:
    sys.stderr.write(f"{exc}\n")
    sys.exit(BOOT_FAILED)
