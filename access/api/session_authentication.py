"""Session authentication of the API: for the storefront's pages, and for staff with the required second factor."""

from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request

from access.api.throttles import count_failure
from access.sign_in.middleware import lacks_set_up


class TwoFactorRequired(PermissionDenied):
    default_code = "two_factor_required"
    default_detail = _("Your account needs two-factor sign-in. Set it up in the admin first.")


class SessionAuthentication(authentication.SessionAuthentication):
    """A session with CSRF protection. Raises `TwoFactorRequired`; tokens need no second factor."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        try:
            found = super().authenticate(request)
            if found and isinstance(found[0], User) and lacks_set_up(found[0]):
                raise TwoFactorRequired
        except APIException:
            count_failure(request)
            raise
        return found
