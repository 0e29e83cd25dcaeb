"""Personal data and secrets as they lie in the database: sealed with a key that is not in it.

`ENCRYPTION_KEYS` holds Fernet keys (AES-128-CBC with HMAC-SHA256, authenticated). The first one seals, all of
them open, so a key is rotated by putting a new one in front and sealing everything anew.
"""

from base64 import urlsafe_b64decode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

# A Fernet token: version, time, initialization vector, one block at least, and the HMAC.
_VERSION = 0x80
_SHORTEST = 1 + 8 + 16 + 16 + 32


class UnsealError(Exception):
    """No key of ours opens this: the key is gone, or the text was tampered with."""


def seal(text: str) -> str:
    """The text in a form that only a holder of the key can read."""
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text that was sealed. Raises `UnsealError`."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as exc:
        raise UnsealError("no key opens this: was one of ENCRYPTION_KEYS removed?") from exc


def reseal(sealed: str) -> str:
    """The same text, sealed with the first key. Raises `UnsealError`."""
    try:
        return _keys().rotate(sealed.encode()).decode()
    except InvalidToken as exc:
        raise UnsealError("no key opens this: was one of ENCRYPTION_KEYS removed?") from exc


def looks_sealed(text: str) -> bool:
    """Whether this has the form of something sealed, whatever key it needs."""
    try:
        token = urlsafe_b64decode(text.encode())
    except ValueError:
        return False
    return len(token) >= _SHORTEST and token[0] == _VERSION


def is_current(sealed: str) -> bool:
    """Whether the first key sealed this, so that nothing is left to do."""
    try:
        Fernet(settings.ENCRYPTION_KEYS[0]).decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
