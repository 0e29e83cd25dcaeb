"""E-mails as text and HTML, through the server that EMAIL_URL names."""

import logging
from collections.abc import Sequence
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


def send(*, to: str | Sequence[str], subject: str, template: str, facts: dict[str, Any]) -> bool:
    """Send the mail that `template` (.txt and .html) makes of these facts. Return whether the server took it."""
    receivers = [to] if isinstance(to, str) else list(to)
    mail = EmailMultiAlternatives(subject, render_to_string(f"{template}.txt", facts), to=receivers)
    # Mail programs answer such mails with an absence note unless this says that nobody reads it.
    mail.extra_headers["Auto-Submitted"] = "auto-generated"
    mail.attach_alternative(render_to_string(f"{template}.html", facts), "text/html")
    try:
        mail.send()
    except (OSError, SMTPException) as exc:
        logger.warning("a mail (%s) could not be sent: %s", template, type(exc).__name__)
        return False
    return True
