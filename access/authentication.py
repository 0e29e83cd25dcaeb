"""`Authorization: Token …`: a server that signs in with an API token."""

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from access.models import ApiToken
from access.tokens import find_token


class TokenAuthentication(authentication.TokenAuthentication):
    """`request.user` is the token's account, `request.auth` the `ApiToken`. Anything else is a 401."""

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        token = find_token(key)
        if token is None:
            # Unknown, expired, revoked, account closed: a stranger is not told which.
            raise AuthenticationFailed(_("Invalid token."))
        return token.user, token
