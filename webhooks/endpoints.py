"""Add endpoints, change them, switch them on and off, and rotate their secrets."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from core.encryption.cipher import decrypt, encrypt
from webhooks.models import Endpoint
from webhooks.signing import new_secret


def add_endpoint(*, name: str, url: str, types: Sequence[str]) -> tuple[Endpoint, str]:
    """Add an endpoint. Return it with its secret, which is not shown again. The caller has checked `url`."""
    secret = new_secret()
    endpoint = Endpoint.objects.create(name=name, url=url, types=list(types), secret=encrypt(secret))
    return endpoint, secret


def switch_endpoint(endpoint: Endpoint, *, on: bool) -> None:
    """Start or stop sending events to an endpoint. Deliveries that wait are sent when it is on again."""
    endpoint.enabled, endpoint.disabled_by_410, endpoint.paused_until = on, False, None
    endpoint.save(update_fields=["enabled", "disabled_by_410", "paused_until"])


def rotate_secret(endpoint: Endpoint, *, overlap: timedelta) -> str | None:
    """Give an endpoint a new secret and return it. The old one signs as well until `overlap` is over.

    Return None if the secret has been replaced since `endpoint` was read.
    """
    now = timezone.now()
    secret = new_secret()
    both = overlap > timedelta(0)
    changed = Endpoint.objects.filter(pk=endpoint.pk, secret_made_at=endpoint.secret_made_at).update(
        secret=encrypt(secret),
        secret_made_at=now,
        old_secret=endpoint.secret if both else "",
        old_secret_until=now + overlap if both else None,
    )
    endpoint.refresh_from_db()
    return secret if changed else None


def signing_secrets(endpoint: Endpoint, now: datetime) -> list[str]:
    """Return the secrets to sign with, the newest first. Raises `DecryptError`."""
    still_valid = endpoint.old_secret_until is not None and endpoint.old_secret_until > now
    return [decrypt(endpoint.secret), *([decrypt(endpoint.old_secret)] if still_valid else [])]
