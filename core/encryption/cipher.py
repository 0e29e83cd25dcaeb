"""Encrypt personal data and secrets for the database, with a key that is not stored in it.

`ENCRYPTION_KEYS` holds Fernet keys (AES-128-CBC with HMAC-SHA256, authenticated). The first one encrypts, all of
them decrypt. To rotate a key, put a new one in front and run `manage.py reencrypt`.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

# Every Fernet token begins with its version and the first bytes of the time, which are zero until the year 2106.
_BEGINNING = "gAAAAA"


class DecryptError(Exception):
    """No key decrypts this: the key was removed, or the text was tampered with."""


def encrypt(text: str) -> str:
    """Return the text encrypted with the first key."""
    return _keys().encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """Return the plain text. Raises `DecryptError`."""
    try:
        return _keys().decrypt(encrypted.encode()).decode()
    except InvalidToken as exc:
        raise DecryptError("no key decrypts this: was one of ENCRYPTION_KEYS removed?") from exc


def reencrypt(encrypted: str) -> str:
    """Return the ciphertext encrypted anew with the first key. Raises `DecryptError`."""
    try:
        return _keys().rotate(encrypted.encode()).decode()
    except InvalidToken as exc:
        raise DecryptError("no key decrypts this: was one of ENCRYPTION_KEYS removed?") from exc


def is_ciphertext(text: str) -> bool:
    """Return whether this begins like a ciphertext, whatever its key."""
    return text.startswith(_BEGINNING)


def is_current(encrypted: str) -> bool:
    """Return whether the first key encrypted this."""
    try:
        Fernet(settings.ENCRYPTION_KEYS[0]).decrypt(encrypted.encode())
    except InvalidToken:
        return False
    return True


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
