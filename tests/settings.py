"""The project's settings for tests, independent of the developer's environment and `.env`.

TEST_DATABASE=sqlite|postgres chooses the database (default: sqlite, or what TEST_DATABASE_URL names).
TEST_DATABASE_URL names a server or file to use; otherwise the tests create one.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

TEST_DIR = Path(tempfile.mkdtemp(prefix="refund-tests-"))
atexit.register(shutil.rmtree, TEST_DIR, ignore_errors=True)


def _database_url() -> str:
    named = os.environ.get("TEST_DATABASE_URL", "")
    kind = os.environ.get("TEST_DATABASE") or ("sqlite" if named.startswith("sqlite") or not named else "postgres")
    if kind not in {"sqlite", "postgres"}:
        raise SystemExit(f"TEST_DATABASE={kind} is malformed: use sqlite or postgres")
    if named.startswith(kind):
        return named
    # Without host and port: libpq reads them from PGHOST and PGPORT, which conftest sets for its server.
    return f"sqlite:///{TEST_DIR}/refunds.sqlite3" if kind == "sqlite" else "postgres://postgres@/postgres"


os.environ.update(
    DJANGO_READ_DOTENV="0",
    DEBUG="false",
    SECRET_KEY="only-for-tests-" * 4,
    ALLOWED_HOSTS="*",
    HTTPS_ONLY="false",
    BEHIND_PROXY="false",
    DATABASE_URL=_database_url(),
    VAR_DIR=str(TEST_DIR / "var"),
    LANGUAGE_CODE="en",
    LOG_LEVEL="INFO",
    # Throttles are off, here and in child processes, except where a test sets them.
    **dict.fromkeys(("API_RATE_TOKEN", "API_RATE_USER", "API_RATE_REFUND", "API_RATE_ADDRESS"), "0"),
)
for name in (
    "CSRF_TRUSTED_ORIGINS",
    "SECURE_HSTS_SECONDS",
    "IAMPORT_API_URL",
    "IAMPORT_IMP_KEY",
    "IAMPORT_IMP_SECRET",
    "IAMPORT_CONNECT_TIMEOUT",
    "IAMPORT_READ_TIMEOUT",
    "IAMPORT_CONTRACTS",
    "IAMPORT_AMOUNT_AFTER_DISCOUNT",
    "REFUND_LEASE_SECONDS",
    "VBANK_REFUND_FEE",
    "REFUND_REVIEW_AFTER_HOURS",
    "IAMPORT_WEBHOOK_ALLOWED_IPS",
    "CELERY_BROKER_URL",
    "PAYMENT_SYNC_EVERY",
    "CACHE_URL",
    "SECRET_KEY_FALLBACKS",
    "ENCRYPTION_KEYS",
    "REFUND_ACCOUNT_KEEP_DAYS",
    "REFUND_APPROVAL_ABOVE",
    "REFUND_APPROVAL_DAILY",
    "REFUND_APPROVAL_EXPIRES_DAYS",
    "BULK_APPROVAL_ABOVE",
    "BULK_CONCURRENCY",
    "BULK_RATE",
    "EMAIL_URL",
    "EMAIL_FROM",
    "SITE_URL",
    "BULK_CONFIRM_ABOVE",
    "LOGIN_FAILURE_LIMIT",
    "LOGIN_ADDRESS_LIMIT",
    "LOGIN_LOCK_MINUTES",
    "STAFF_TWO_FACTOR",
    "STAFF_SESSION_IDLE_MINUTES",
    "STAFF_SESSION_HOURS",
    "STATIC_DIR",
    "LOG_FORMAT",
    "METRICS_TOKEN",
    "BIND",
    "WEB_CONCURRENCY",
    "WEBHOOK_ALLOWED_NETWORKS",
    "WEBHOOK_ALLOW_HTTP",
    "WEBHOOK_KEEP_DAYS",
):
    os.environ.pop(name, None)

from config.settings import *  # noqa: E402, F403 - the environment above has to be in place first
from config.settings import DATABASES, STORAGES, VAR_DIR  # noqa: E402

# A file, so that threads and processes have their own connections, as in production.
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": str(TEST_DIR / "test.sqlite3")}
    # No test cuts the power, so commits need not wait for the disk.
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"

# Hashed names would need collectstatic before every run.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True

# A fast hasher: slow password hashes are for production only.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

VAR_DIR.mkdir(parents=True)
