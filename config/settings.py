"""Django settings, read from the environment; `.env.example` lists the variables."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.utils.translation import gettext_lazy as _
from django_guid.integrations.celery import CeleryIntegration

from config import broker, env, logs, openapi, schedule, unfold
from config.applications import *  # noqa: F403
from config.caches import caches
from config.contracts import known_contracts
from config.encryption import encryption_keys
from config.mail import mail
from config.networks import networks
from config.sign_in import *  # noqa: F403 - django-axes wants each of them as a setting of its own

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_dotenv(BASE_DIR / ".env")

# --- Process ------------------------------------------------------------------------------------------------

DEBUG = env.flag("DEBUG", default=False)

if DEBUG:
    SECRET_KEY = env.text("SECRET_KEY", "insecure-development-key")
    ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
else:
    SECRET_KEY = env.required_text(
        "SECRET_KEY", "copy .env.example to .env or export it (DEBUG=true brings a development key)"
    )
    ALLOWED_HOSTS = env.required_names(
        "ALLOWED_HOSTS", "name the hosts this site answers to, comma-separated (DEBUG=true allows localhost)"
    )

# Earlier keys: they still verify sessions and signatures made before a rotation.
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS")
# For personal data and secrets in the database: the first key encrypts, all decrypt.
ENCRYPTION_KEYS = encryption_keys(
    "ENCRYPTION_KEYS", env.names("ENCRYPTION_KEYS"), secret_keys=[SECRET_KEY, *SECRET_KEY_FALLBACKS]
)

# Everything the processes write besides the database: the broker's messages, metrics, lock files, collected static
# files, the demo's databases.
VAR_DIR = BASE_DIR / env.text("VAR_DIR", "var")

DATABASES = {"default": env.database("DATABASE_URL", "sqlite:///db.sqlite3", BASE_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = caches("CACHE_URL", env.text("CACHE_URL", ""))

# --- i'mport and refunds ------------------------------------------------------------------------------------

IAMPORT_API_URL = env.http_url("IAMPORT_API_URL", "https://api.iamport.kr")
IAMPORT_IMP_KEY = env.text("IAMPORT_IMP_KEY", "")
IAMPORT_IMP_SECRET = env.text("IAMPORT_IMP_SECRET", "")
IAMPORT_CONNECT_TIMEOUT = env.positive_seconds("IAMPORT_CONNECT_TIMEOUT", 5)
# PGs can take a minute, and hanging up does not stop a cancel.
IAMPORT_READ_TIMEOUT = env.positive_seconds("IAMPORT_READ_TIMEOUT", 60)
# Whether a payment's amount at i'mport is what was paid, or the order before a promotion's discount.
IAMPORT_AMOUNT_AFTER_DISCOUNT = env.flag("IAMPORT_AMOUNT_AFTER_DISCOUNT", default=False)
IAMPORT_CONTRACTS = known_contracts(env.names("IAMPORT_CONTRACTS"))

# The PG's fee for each virtual-account refund, in won.
VBANK_REFUND_FEE = env.amount("VBANK_REFUND_FEE", Decimal(300))

# True: staff, programs and operators must choose a reason of the list for every refund.
REFUND_REASON_REQUIRED = env.flag("REFUND_REASON_REQUIRED", default=False)
# Amounts (won) above which a second person approves what staff, programs and operators refund: one refund, all refunds
# of one person and day in Korea, one bulk refund. 0: never.
REFUND_APPROVAL_ABOVE = env.amount("REFUND_APPROVAL_ABOVE", Decimal(0))
REFUND_APPROVAL_DAILY = env.amount("REFUND_APPROVAL_DAILY", Decimal(0))
BULK_APPROVAL_ABOVE = env.amount("BULK_APPROVAL_ABOVE", Decimal(0))
# A request that nobody decides ends after so many days.
REFUND_APPROVAL_EXPIRES_DAYS = env.positive_count("REFUND_APPROVAL_EXPIRES_DAYS", 7)

# The token call, the cancel call and the reading after a refusal, and what this server may be late by.
REFUND_LEASE_SECONDS = env.seconds("REFUND_LEASE_SECONDS", 3 * (IAMPORT_CONNECT_TIMEOUT + IAMPORT_READ_TIMEOUT) + 45)
# An open refund is checked with i'mport automatically for this long; then staff must review it.
REFUND_REVIEW_AFTER_HOURS = env.positive_seconds("REFUND_REVIEW_AFTER_HOURS", 72)

# Show this where a refund did not work: a telephone number or an address of the shop.
SHOP_CONTACT = env.text("SHOP_CONTACT", "")
# Days to keep a refund's bank account (encrypted) after settlement; 0 keeps only its last digits.
REFUND_ACCOUNT_KEEP_DAYS = env.count("REFUND_ACCOUNT_KEEP_DAYS", 30)
# Empty: every address. Webhook contents are never trusted; this only limits who can trigger a lookup at i'mport.
IAMPORT_WEBHOOK_ALLOWED_IPS = networks("IAMPORT_WEBHOOK_ALLOWED_IPS", env.names("IAMPORT_WEBHOOK_ALLOWED_IPS"))

# Above this total (won), the start of a bulk refund asks staff with two-factor sign-in for a fresh code; 0: never.
BULK_CONFIRM_ABOVE = env.amount("BULK_CONFIRM_ABOVE", Decimal(1_000_000))
# Orders of batches that one worker refunds at a time.
BULK_CONCURRENCY = env.positive_count("BULK_CONCURRENCY", 16)
# Orders of batches that all workers together begin per second; 0: no limit.
BULK_RATE = env.count("BULK_RATE", 0)

# --- Events to the storefront -------------------------------------------------------------------------------

# Private networks that events may be sent to, for a storefront in the same network.
WEBHOOK_ALLOWED_NETWORKS = networks("WEBHOOK_ALLOWED_NETWORKS", env.names("WEBHOOK_ALLOWED_NETWORKS"))
WEBHOOK_ALLOW_HTTP = env.flag("WEBHOOK_ALLOW_HTTP", default=False)
WEBHOOK_KEEP_DAYS = env.count("WEBHOOK_KEEP_DAYS", 30)

# --- Background work ----------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", broker.FILESYSTEM)
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(CELERY_BROKER_URL, VAR_DIR)
CELERY_BROKER_CONNECTION_TIMEOUT = broker.CONNECT_SECONDS
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
# Tasks wait on the network, so use threads, and more of them than processors.
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = 8
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# With the file-system broker, each killed worker would leave a control queue that grows without limit.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # in memory: a minute's schedule needs no file
CELERY_BEAT_SCHEDULE = schedule.schedule(mirror_every=env.positive_seconds("PAYMENT_SYNC_EVERY", 300))
CELERY_TIMEZONE = TIME_ZONE = "Asia/Seoul"

# --- E-mail -------------------------------------------------------------------------------------------------

# EMAIL_BACKEND, EMAIL_HOST and so on.
globals().update(mail("EMAIL_URL", env.text("EMAIL_URL", ""), sender=env.text("EMAIL_FROM", "")))
SENDS_MAIL = env.is_set("EMAIL_URL")
# The address of this site, for links in mails; without it they have none.
SITE_URL = env.http_url("SITE_URL", "")

# --- Applications -------------------------------------------------------------------------------------------

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

# Failed logins before a lock-out: of one username at one address, and of an address as a whole.
AXES_FAILURE_LIMIT = env.positive_count("LOGIN_FAILURE_LIMIT", 5)
LOGIN_ADDRESS_LIMIT = env.positive_count("LOGIN_ADDRESS_LIMIT", 50)
AXES_COOLOFF_TIME = timedelta(minutes=env.positive_count("LOGIN_LOCK_MINUTES", 15))
STAFF_TWO_FACTOR = env.choice("STAFF_TWO_FACTOR", "optional", {"optional", "required"})
STAFF_SESSION_IDLE = timedelta(minutes=env.positive_count("STAFF_SESSION_IDLE_MINUTES", 60))
STAFF_SESSION_LENGTH = timedelta(hours=env.positive_count("STAFF_SESSION_HOURS", 12))

# --- Language, time, static files ---------------------------------------------------------------------------

LANGUAGES = [("ko", _("Korean")), ("en", _("English"))]
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", "ko", {"ko", "en"})
# The second folder holds Korean for the admin theme, which has none, and replaces some of Django's texts.
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "config" / "locale"]
USE_TZ = True
FORMAT_MODULE_PATH = "core.formats"

STATIC_URL = "/static/"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "core.bundles.BundleFinder",
]
BUNDLES: dict[str, list[str]] = unfold.BUNDLES
# In an image these files are part of the release: a volume mounted at VAR_DIR must not hide them.
STATIC_ROOT = BASE_DIR / env.text("STATIC_DIR", str(VAR_DIR / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # Hashed names need collectstatic first; development should work without it.
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "core.static_files.StaticFilesStorage"
    },
}

# --- Security -----------------------------------------------------------------------------------------------

HTTPS_ONLY = env.flag("HTTPS_ONLY", default=not DEBUG)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = env.count("SECURE_HSTS_SECONDS", 31_536_000 if HTTPS_ONLY else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS_ONLY
# No other host of this domain can set a `__Host-` cookie, but browsers accept it over HTTPS only.
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS_ONLY else "sessionid"
SESSION_COOKIE_AGE = int(timedelta(days=7).total_seconds())  # for buyers; staff sessions are shorter
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
DEFAULT_EXCEPTION_REPORTER_FILTER = "core.http.crash_reports.NoValues"
CSRF_FAILURE_VIEW = "refunds.api.error_pages.csrf_failure"
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")

# The largest legitimate form is the admin's page of 50 refunds, about 60 KiB. Only the page that makes a bulk refund
# from a file takes an upload, of 10 MiB at most, and holds it in memory.
MAX_BODY_BYTES = 512 * 1024
MAX_UPLOAD_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 11 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["core.http.body_limit.NoFiles"]

# Only behind a proxy that overwrites these headers: otherwise a client could forge them.
BEHIND_PROXY = env.flag("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

# --- REST API -----------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    # The token comes first: its challenge header makes an anonymous request a 401 and not a 403.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.api.token_authentication.TokenAuthentication",
        "access.api.session_authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["access.api.permissions.MayUseApi"],
    "DEFAULT_THROTTLE_CLASSES": [
        f"access.api.throttles.{name}"
        for name in ("TokenThrottle", "UserThrottle", "RefundThrottle", "AddressThrottle")
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["refunds.api.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # OPTIONS would describe views in DRF's own format; the API description is at /api/schema.
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "refunds.api.errors.exception_handler",
    "COERCE_DECIMAL_TO_STRING": False,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

# None means no limit.
API_RATE_TOKEN = env.rate("API_RATE_TOKEN", "600/min")
API_RATE_USER = env.rate("API_RATE_USER", "120/min")
# Refund requests of one token or one signed-in user.
API_RATE_REFUND = env.rate("API_RATE_REFUND", "120/min")
# Requests of one client address without valid authentication.
API_RATE_ADDRESS = env.rate("API_RATE_ADDRESS", "300/min")

SPECTACULAR_SETTINGS = openapi.SETTINGS

# --- Monitoring ---------------------------------------------------------------------------------------------

# Without it /metrics answers 404 and nothing is measured.
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
DJANGO_GUID = {
    "GUID_HEADER_NAME": "X-Request-ID",
    "EXPOSE_HEADER": False,
    "INTEGRATIONS": [CeleryIntegration()],  # tasks log the id of the request that sent them
}

# --- Admin theme and logging --------------------------------------------------------------------------------

UNFOLD = unfold.SETTINGS
LOGGING = logs.settings(
    level=env.choice("LOG_LEVEL", "INFO", logs.LEVELS),
    form=env.choice("LOG_FORMAT", "line" if DEBUG else "json", logs.FORMATS),
)
