"""The Celery application: `celery -A config worker --pool threads -B`.

A message only triggers work. The work itself is in our tables and is claimed with a guarded update. A lost message
delays it by up to a minute; a duplicate has no effect.
"""

import os
from logging.config import dictConfig
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

from config.broker import make_folders
from config.file_broker import use_for_files

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

use_for_files()
app = Celery("refund_desk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_configure.connect
def prepare_broker(sender: Celery, **_signal: Any) -> None:
    """Create the broker's folders when Celery is first used, not when the settings are read."""
    make_folders(sender.conf.broker_transport_options)


@setup_logging.connect
def configure_logging(**_signal: Any) -> None:
    """Apply LOG_LEVEL and LOG_FORMAT in place of Celery's own handlers."""
    dictConfig(settings.LOGGING)
