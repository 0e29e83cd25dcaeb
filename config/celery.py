"""The Celery application: `celery -A config worker --pool threads -B`.

A message is only a wake-up. What is to be done stands in our own tables and is taken by a guarded update, so a lost
message costs a minute and a doubled one nothing.
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
    """When it is used for the first time: reading the settings alone makes no folder."""
    make_folders(sender.conf.broker_transport_options)


@setup_logging.connect
def log_as_the_others_do(**_signal: Any) -> None:
    """Celery would set up handlers and a level of its own; LOG_LEVEL and LOG_FORMAT count here too."""
    dictConfig(settings.LOGGING)
