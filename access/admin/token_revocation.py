"""The page on which staff revoke a token. Only POST revokes."""

from django import urls
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from access.models import ApiToken
from access.tokens.labels import scopes_in_words
from access.tokens.service import revoke_token
from core.admin.log import log
from core.admin.pages import StaffRequest, admin_page, staff_may
from core.permissions import AnyUser, is_staff_with
from core.sentences import sentence as _


def may_revoke(user: AnyUser) -> bool:
    """Allow staff with the permission to change tokens: a revocation is the only change there is."""
    return is_staff_with(user, "access.change_apitoken")


def revoke_url(user: AnyUser, token: ApiToken) -> str:
    """Return where this user may revoke this token; empty if they may not, or it was revoked before."""
    possible = may_revoke(user) and token.revoked_at is None
    return urls.reverse("admin:access_apitoken_revoke", args=[token.pk]) if possible else ""


@require_http_methods(["GET", "POST"])
@staff_may(may_revoke)
def revoke(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask for confirmation; on POST revoke the token, log it, and go back to the token."""
    token = get_object_or_404(ApiToken.objects.select_related("user"), pk=pk)
    detail = HttpResponseRedirect(urls.reverse("admin:access_apitoken_change", args=[token.pk]))
    if token.revoked_at is not None:
        messages.info(request, _("This token was already revoked."), extra_tags="revoked_before")
        return detail
    if request.method == "POST":
        if revoke_token(token):
            log(request.user, token, text=_("Revoked."))
        text = _("“%(name)s” is revoked. Requests that use it are now refused.")
        messages.success(request, text % {"name": token.name}, extra_tags="revoked")
        return detail
    title, scopes = _("Revoke a token"), scopes_in_words(token)
    return admin_page(request, "admin/access/revoke.html", title, token=token, scopes=scopes)
