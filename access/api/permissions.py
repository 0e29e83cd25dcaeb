"""Check sign-in and token scopes. `refunds.permissions` decides which payments a user may see and refund."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from access.api.token_authentication import OTHER_SCHEME, other_scheme
from access.models import ApiToken

if TYPE_CHECKING:  # DRF's views read the settings that name this module
    from rest_framework.views import APIView

CANNOT_READ = _("This token can refund but not read. Ask an administrator for a token that can read.")
CANNOT_REFUND = _("This token can read but not refund. Ask an administrator for a token that can refund.")


class TokenScopeMissing(PermissionDenied):
    """The token lacks the scope for this request."""

    default_code = "token_scope"


class MayUseApi(BasePermission):
    """Allow signed-in users; tokens only within their scopes. GET needs `read`, everything else `refund`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        signed_in = request.user.is_authenticated
        refusal = _scope_missing(request)
        if signed_in and refusal is None:
            return True
        # DRF counts only requests that it allows.
        view.check_throttles(request)
        if refusal is not None:
            raise refusal
        if scheme := other_scheme(request):
            raise NotAuthenticated(OTHER_SCHEME % {"scheme": scheme})
        return False


def _scope_missing(request: Request) -> TokenScopeMissing | None:
    token = request.auth
    if not isinstance(token, ApiToken):
        return None
    if request.method in SAFE_METHODS:
        return None if token.may_read else TokenScopeMissing(CANNOT_READ)
    return None if token.may_refund else TokenScopeMissing(CANNOT_REFUND)
