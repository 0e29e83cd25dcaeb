"""The admin's page on which staff revoke a token. Nothing happens before the button is pressed."""

from django import urls
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from access.models import ApiToken
from access.tokens.labels import scopes_in_words
from access.tokens.service import revoke_token


def may_revoke(user: object) -> bool:
    """Staff with the permission to change tokens: a revocation is the only change there is."""
    return isinstance(user, User) and user.is_staff and user.has_perm("access.change_apitoken")


def revoke_url(user: object, token: ApiToken) -> str:
    """Where this user may revoke this token; empty if they may not, or it was revoked before."""
    possible = may_revoke(user) and token.revoked_at is None
    return urls.reverse("admin:access_apitoken_revoke", args=[token.pk]) if possible else ""


@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether to revoke a token; on POST, do it, keep it in the history, and go back to the token."""
    user = request.user
    if not isinstance(user, User) or not may_revoke(user):
        raise PermissionDenied
    token = get_object_or_404(ApiToken.objects.select_related("user"), pk=pk)
    detail = HttpResponseRedirect(urls.reverse("admin:access_apitoken_change", args=[token.pk]))
    if token.revoked_at is not None:
        messages.info(request, _("This token was already revoked."), extra_tags="revoked_before")
        return detail
    if request.method == "POST":
        if revoke_token(token):
            LogEntry.objects.log_actions(user.pk, [token], CHANGE, change_message=_("Revoked."), single_object=True)
        text = _("“%(name)s” is revoked. Requests that use it are now refused.")
        messages.success(request, text % {"name": token.name}, extra_tags="revoked")
        return detail
    context = {
        **admin.site.each_context(request),
        "title": _("Revoke a token"),
        "token": token,
        "scopes": scopes_in_words(token),
    }
    return TemplateResponse(request, "admin/access/revoke.html", context)
