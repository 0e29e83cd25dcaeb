"""Create, find and revoke API tokens. The secret is shown once; only its hash is stored."""

import logging
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import User
from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from access.models import ApiToken
from access.tokens.read import read_token

logger = logging.getLogger(__name__)

PREFIX = "rd_"  # lets people and secret scanners recognise a leaked token
START_LENGTH = 8  # stored in clear to tell tokens apart
MAX_ID_DIGITS = 18
DEFAULT_DAYS = 90
# Otherwise each request would be a write.
_LAST_USED_PRECISION = timedelta(minutes=1)


def create_token(*, user: User, name: str, may_refund: bool = True, **fields: Any) -> tuple[ApiToken, str]:
    """Create a token with these fields of `ApiToken` and return it with its secret, which cannot be shown again."""
    token = ApiToken(user=user, name=name, may_refund=may_refund, **fields)
    issue_token(token)
    return token, token.secret


def issue_token(token: ApiToken) -> None:
    """Save a new token and set its `secret`, which cannot be shown again."""
    token.secret = PREFIX + secrets.token_urlsafe(32)
    token.start, token.digest = token.secret[:START_LENGTH], _digest(token.secret)
    token.created_at = timezone.now()
    token.expires_at = token.expires_at or token.created_at + timedelta(days=DEFAULT_DAYS)
    token.save(force_insert=True)


def tokens_like(text: str) -> list[ApiToken]:
    """Return the tokens with this id, these first characters, or this secret."""
    tokens = ApiToken.objects.select_related("user")
    if text.isascii() and text.isdigit():
        return list(tokens.filter(pk=int(text))) if len(text) <= MAX_ID_DIGITS else []
    if len(text) > START_LENGTH:
        return list(tokens.filter(digest=_digest(text)))
    return list(tokens.filter(start__startswith=text)) if text.startswith(PREFIX) and "\x00" not in text else []


def find_token(text: str) -> ApiToken | None:
    """Return the usable token of an active user with this secret; else None."""
    token = read_token(_digest(text))
    now = timezone.now()
    if token is None or not token.is_usable(now) or not token.user.is_active:
        return None
    if token.last_used_at is None or now - token.last_used_at >= _LAST_USED_PRECISION:
        _note_use(token, now)
    return token


def _note_use(token: ApiToken, now: datetime) -> None:
    """Store when the token was used. Reading the API must work while nothing can be written, as on a full disk."""
    try:
        with transaction.atomic():
            # Only one of several parallel requests writes.
            ApiToken.objects.filter(pk=token.pk, last_used_at=token.last_used_at).update(last_used_at=now)
    except DatabaseError as exc:
        logger.warning("the use of token %s could not be stored: %s", token.pk, type(exc).__name__)
    else:
        token.last_used_at = now


def revoke_token(token: ApiToken) -> bool:
    """Revoke a token for good; return False if it was revoked before."""
    done = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    token.refresh_from_db(fields=["revoked_at"])
    return bool(done)


def _digest(text: str) -> str:
    # A fast hash is enough: the secret is random and long.
    return sha256(text.encode(errors="surrogateescape")).hexdigest()
