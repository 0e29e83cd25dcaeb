"""Make, find and revoke API tokens. A token is shown once, when it is made; afterwards only its hash is known."""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from django.contrib.auth.models import User
from django.utils import timezone

from access.models import ApiToken

PREFIX = "rd_"  # lets people and secret scanners recognise a leaked one
DEFAULT_DAYS = 90
# Each request would be a write otherwise.
_LAST_USED_PRECISION = timedelta(minutes=1)


def create_token(
    *,
    user: User,
    name: str,
    may_read: bool = True,
    may_refund: bool = True,
    max_amount: Decimal | None = None,
    max_per_day: Decimal | None = None,
    limit_currency: str = "KRW",
    expires_at: datetime | None = None,
    created_by: User | None = None,
) -> tuple[ApiToken, str]:
    """Make a token and return it with its secret text, which cannot be shown again.

    Limits in major units of `limit_currency`. Without `expires_at` it is valid for `DEFAULT_DAYS`.
    """
    text = PREFIX + secrets.token_urlsafe(32)
    now = timezone.now()
    token = ApiToken.objects.create(
        user=user,
        name=name,
        start=text[:8],
        digest=_digest(text),
        may_read=may_read,
        may_refund=may_refund,
        max_amount=max_amount,
        max_per_day=max_per_day,
        limit_currency=limit_currency,
        created_at=now,
        created_by=created_by,
        expires_at=expires_at or now + timedelta(days=DEFAULT_DAYS),
    )
    return token, text


def find_token(text: str) -> ApiToken | None:
    """The usable token with this secret text, of an active account; else None."""
    now = timezone.now()
    usable = ApiToken.objects.usable(now).select_related("user")
    token = usable.filter(digest=_digest(text), user__is_active=True).first()
    if token is not None and (token.last_used_at is None or now - token.last_used_at >= _LAST_USED_PRECISION):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        token.last_used_at = now
    return token


def revoke_token(token: ApiToken) -> None:
    """End a token at once and for good. What it did stays on record."""
    now = timezone.now()
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now)
    token.refresh_from_db()


def _digest(text: str) -> str:
    # A fast hash is right here: the text is random, so there is nothing to guess.
    return sha256(text.encode(errors="surrogateescape")).hexdigest()
