"""E-mails as text and HTML, through the server that EMAIL_URL names."""

import logging
from collections.abc import Mapping, Sequence
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


def is_on() -> bool:
    """Return whether mails are sent at all."""
    return bool(settings.SENDS_MAIL)


def site_link(path: str) -> str:
    """Return the full address of a page of this site; "" unless SITE_URL is set."""
    return f"{settings.SITE_URL}{path}" if settings.SITE_URL else ""


def message(
    *, to: Sequence[str], subject: str, text: str, html: str, headers: Mapping[str, str] | None = None, **more: Any
) -> EmailMultiAlternatives:
    """Return a mail that no person wrote; `more` is for Django's class."""
    mail = EmailMultiAlternatives(subject, text, to=list(to), **more)
    # Mail programs answer such mails with an absence note unless this says that nobody reads it.
    mail.extra_headers |= {"Auto-Submitted": "auto-generated", **(headers or {})}
    mail.attach_alternative(html, "text/html")
    return mail


def send(*, to: str | Sequence[str], subject: str, template: str, facts: dict[str, Any]) -> bool:
    """Send the mail that `template` (.txt and .html) makes of these facts. Return whether the server took it."""
    text, html = (render_to_string(f"{template}.{kind}", facts) for kind in ("txt", "html"))
    try:
        message(to=[to] if isinstance(to, str) else to, subject=subject, text=text, html=html).send()
    except (OSError, SMTPException) as exc:
        logger.warning("a mail (%s) could not be sent: %s", template, type(exc).__name__)
        return False
    return True
