"""Settings that name the installed applications and the middleware, in their order."""

INSTALLED_APPS = [
    # The theme overrides the admin's templates, so it comes first.
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "django_guid",
    "access",
    "monitoring",
    "payments",
    "refunds",
    "webhooks",
    "sandbox",
]

MIDDLEWARE = [
    "monitoring.middleware.strict_request_ids",
    "django_guid.middleware.guid_middleware",
    "monitoring.middleware.access_log",
    "core.http.security_headers.SecurityHeaders",
    # Probes use plain HTTP and an IP address as host: nothing below may reject them.
    "monitoring.middleware.probes",
    "core.http.last_thread.keep_last_thread",
    "django.middleware.security.SecurityMiddleware",
    # Static files are compressed when they are collected, or, as fonts and images, not at all.
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # adds random bytes, so that the size reveals nothing (BREACH)
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "core.http.unreadable.RefuseUnreadable",
    "django.middleware.common.CommonMiddleware",
    "core.http.body_limit.BodyLimit",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "access.sign_in.middleware.TrustedSessions",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "core.http.error_pages.explain_refused_methods",
]

__all__ = [name for name in dir() if name.isupper()]
