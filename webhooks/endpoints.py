"""Endpoints: added, changed, switched on and off, and given new secrets."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from core.encryption.cipher import decrypt, encrypt
from webhooks.models import Endpoint
from webhooks.signing import new_secret


def add_endpoint(*, name: str, url: str, types: Sequence[str]) -> tuple[Endpoint, str]:
    """Add an endpoint and return it with its secret, which is not shown again. `url` was checked."""
    secret = new_secret()
    endpoint = Endpoint.objects.create(name=name, url=url, types=list(types), secret=encrypt(secret))
    return endpoint, secret


def change_endpoint(endpoint: Endpoint, *, name: str, url: str, types: Sequence[str]) -> None:
    """Change what an endpoint is called, where it is and what it wants. `url` was checked."""
    endpoint.name, endpoint.url, endpoint.types = name, url, list(types)
    endpoint.save(update_fields=["name", "url", "types"])


def switch_endpoint(endpoint: Endpoint, *, on: bool) -> None:
    """Start or stop telling an endpoint. What waits for it meanwhile is sent when it is on again."""
    endpoint.enabled, endpoint.disabled_by_410 = on, False
    endpoint.save(update_fields=["enabled", "disabled_by_410"])


def rotate_secret(endpoint: Endpoint, *, overlap: timedelta) -> str | None:
    """Give an endpoint a new secret and return it; the one so far signs as well until `overlap` is over.

    None if somebody else has replaced the secret since `endpoint` was read.
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
    """The secrets to sign with, the newest first. Raises `DecryptError`."""
    still_valid = endpoint.old_secret_until is not None and endpoint.old_secret_until > now
    return [decrypt(endpoint.secret), *([decrypt(endpoint.old_secret)] if still_valid else [])]
