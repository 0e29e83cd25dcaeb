"""`Authorization: Bearer …` (or `Token …`): authentication of a server by an API token."""

import re

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from access.api.throttles import count_failure
from access.models import ApiToken
from access.tokens.service import PREFIX, find_token

SCHEMES = ("Bearer", "Token")
NO_SCHEME = _("The scheme is missing. Write “Authorization: Bearer rd_…”.")
NO_TOKEN = _("The token is missing. Write “Authorization: Bearer rd_…”.")
SEVERAL_PARTS = _("A token contains no spaces. Write “Authorization: Bearer rd_…”.")
OTHER_SCHEME = _("This API does not know the scheme “%(scheme)s”. Write “Authorization: Bearer rd_…”.")


class TokenAuthentication(BaseAuthentication):
    """Set `request.user` to the token's user and `request.auth` to the `ApiToken`.

    An invalid token gets 401, and too many of them 429. Another scheme is left to the session: a proxy may ask
    browsers for `Basic`.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        try:
            key = _sent_token(request)
            return None if key is None else _user_and_token(key)
        except AuthenticationFailed:
            count_failure(request)
            raise

    def authenticate_header(self, request: Request) -> str:
        return ", ".join(f'{scheme} realm="api"' for scheme in SCHEMES)


def other_scheme(request: Request) -> str | None:
    """Return the name of a scheme that this API does not know, if the request has one."""
    scheme = (_header(request).split() or [""])[0]
    return scheme if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,19}", scheme) and scheme.title() not in SCHEMES else None


def _header(request: Request) -> str:
    return get_authorization_header(request).decode("latin-1")


def _sent_token(request: Request) -> str | None:
    """Return the token of the request. Raises `AuthenticationFailed` if it is not written as it should be."""
    scheme, *parts = _header(request).split() or [""]
    if scheme.startswith(PREFIX):
        raise AuthenticationFailed(NO_SCHEME)
    if scheme.title() not in SCHEMES:
        return None
    if len(parts) != 1:
        raise AuthenticationFailed(SEVERAL_PARTS if parts else NO_TOKEN)
    return parts[0]


def _user_and_token(key: str) -> tuple[User, ApiToken]:
    token = find_token(key)
    if token is None:
        # Unknown, expired, revoked, inactive user: the answer does not say which.
        raise AuthenticationFailed(_("Invalid token."))
    return token.user, token
