"""The keys that seal personal data and secrets in the database."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def encryption_keys(name: str, keys: Iterable[str], *, secret_keys: Iterable[str]) -> tuple[str, ...]:
    """The keys of the variable `name`, or keys made from SECRET_KEY and its fallbacks where it is not set."""
    named = tuple(keys)
    for key in named:
        _ensure_usable(name, key)
    return named or tuple(map(_derived, secret_keys))


def _ensure_usable(name: str, key: str) -> None:
    try:
        Fernet(key)
    except ValueError:
        advice = (
            "make keys with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        )
        raise ImproperlyConfigured(f"{name} is malformed: {advice}") from None


def _derived(secret_key: str) -> str:
    return urlsafe_b64encode(sha256(b"refund-desk.encryption:" + secret_key.encode()).digest()).decode()
