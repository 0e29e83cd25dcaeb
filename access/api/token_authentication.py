"""`Authorization: Token …`: authentication of a server by an API token."""

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from access.api.throttles import count_failure
from access.models import ApiToken
from access.tokens.service import find_token


class TokenAuthentication(authentication.TokenAuthentication):
    """Set `request.user` to the token's user and `request.auth` to the `ApiToken`.

    An invalid token gets 401, and too many of them 429.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        try:
            found: tuple[User, ApiToken] | None = super().authenticate(request)
        except AuthenticationFailed:
            count_failure(request)
            raise
        return found

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        token = find_token(key)
        if token is None:
            # Unknown, expired, revoked, inactive user: the answer does not say which.
            raise AuthenticationFailed(_("Invalid token."))
        return token.user, token
