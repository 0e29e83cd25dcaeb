"""API tokens, second factors and failed sign-ins."""

from access.models.sign_in import SignInFailure
from access.models.tokens import ApiToken, ApiTokenQuerySet, TokenState
from access.models.two_factor import (
    Authenticator,
    BackupCode,
    authenticator_of,
    digest_of,
    new_backup_code,
    new_secret,
)

__all__ = [
    "ApiToken",
    "ApiTokenQuerySet",
    "Authenticator",
    "BackupCode",
    "SignInFailure",
    "TokenState",
    "authenticator_of",
    "digest_of",
    "new_backup_code",
    "new_secret",
]
