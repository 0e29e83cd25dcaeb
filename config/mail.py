"""Django's settings of outgoing e-mail, from one URL."""

from typing import Any

import dj_email_url
from django.core.exceptions import ImproperlyConfigured

SCHEMES = ("submission", "smtp", "console", "dummy")
SECONDS = 10  # upper limit of what an unresponsive mail server adds
_ADVICE = (
    "use submission://user:password@host (STARTTLS), smtp://user:password@host:465?ssl=true, or nothing for no mail"
)


def mail(name: str, url: str, *, sender: str) -> dict[str, Any]:
    """Return the EMAIL_* settings for the URL in the variable `name`; an empty one sends nothing.

    No error shows the URL: it holds a password.
    """
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    if url.partition(":")[0] not in SCHEMES:
        raise ImproperlyConfigured(f"{name} has an unknown scheme: {_ADVICE}")
    try:
        found = {option: value for option, value in dj_email_url.parse(url).items() if value is not None}
    except ValueError:
        raise ImproperlyConfigured(f"{name} is malformed: {_ADVICE}") from None
    if not found.get("EMAIL_HOST") and not url.startswith(("console:", "dummy:")):
        raise ImproperlyConfigured(f"{name} has no host: {_ADVICE}")
    if not sender:
        raise ImproperlyConfigured(f"EMAIL_FROM is not set: name the sender of the mails that {name} sends")
    return {"EMAIL_TIMEOUT": SECONDS, **found, "DEFAULT_FROM_EMAIL": sender}
