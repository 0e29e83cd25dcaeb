"""Settings of the sandbox server: a Django project of its own, with its own database."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent

# Nothing signed outlives a run (no sessions, no logins): a key per process is enough.
SECRET_KEY = secrets.token_urlsafe(50)
DEBUG = False
ALLOWED_HOSTS = os.environ.get("SANDBOX_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = ["sandbox.server"]
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",  # refuse other host names
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "sandbox.urls"
APPEND_SLASH = False  # every URL works with and without a slash, without a redirect
CSRF_FAILURE_VIEW = "sandbox.server.views.console.csrf_failure"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SANDBOX_DATABASE") or str(PROJECT_ROOT / "var" / "sandbox.sqlite3"),
        "CONN_MAX_AGE": None,  # the server gives it to the next client
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
        },
    }
}

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

USE_TZ = True
TIME_ZONE = "Asia/Seoul"
LANGUAGE_CODE = "ko"
USE_I18N = False
NUMBER_GROUPING = 3

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # Refused calls are normal; the call log has them.
    "loggers": {
        "django.server": {"level": "ERROR", "handlers": ["stderr"], "propagate": False},
        "django.request": {"level": "ERROR", "handlers": ["stderr"], "propagate": False},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # the client gets the error; no traceback here
    },
}

SANDBOX_IMP_KEY = os.environ.get("SANDBOX_IMP_KEY", "sandbox_key")
SANDBOX_IMP_SECRET = os.environ.get("SANDBOX_IMP_SECRET", "sandbox_secret")
SANDBOX_WEBHOOK_URL = os.environ.get("SANDBOX_WEBHOOK_URL", "")
SANDBOX_WEBHOOK_FORMAT = os.environ.get("SANDBOX_WEBHOOK_FORMAT", "json")
