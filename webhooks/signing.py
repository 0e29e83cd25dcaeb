"""Sign events as https://www.standardwebhooks.com defines, so that receivers can use a ready library."""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret in the form that the receiver uses."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(*, message_id: str, at: datetime, body: bytes, secret_texts: Iterable[str]) -> dict[str, str]:
    """Return the three headers of one attempt, signed with each secret: a receiver may know only one of them."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = " ".join(_signature(text, signed) for text in secret_texts)
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def _signature(secret_text: str, signed: bytes) -> str:
    key = b64decode(secret_text.removeprefix(PREFIX))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
