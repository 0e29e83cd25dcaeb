"""Read the keys that encrypt personal data and secrets in the database."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def encryption_keys(name: str, keys: Iterable[str], *, secret_keys: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of the variable `name`, then those derived from SECRET_KEY and its fallbacks.

    The first key encrypts; all decrypt. Derived keys stay valid for decryption, so setting the variable later loses
    nothing. Raises `ImproperlyConfigured` for a malformed key.
    """
    named = tuple(keys)
    for key in named:
        _ensure_usable(name, key)
    return (*named, *map(_derived, secret_keys))


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
