"""WSGI entry point: `gunicorn config.wsgi`."""

import os
import sys

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
