"""Lists of failed sign-ins and of two-factor devices. Superusers unlock and reset there."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action

from access.lockout.service import current_failures, locked_accounts, locked_addresses, unlock
from access.models import Authenticator, SignInFailure
from access.two_factor.service import backup_codes_left, turn_off
from core.admin.display import badge, format_time
from core.admin.lists import ReadOnlyAdmin
from core.admin.log import log
from core.sentences import sentence as gettext


@admin.register(SignInFailure)
class SignInFailureAdmin(ReadOnlyAdmin):
    list_display = ("who", "address", "failures", "last_time", "state")
    list_display_links = None
    search_fields = ("username", "ip_address")
    actions = ("unlock_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignInFailure]:
        self._locked = locked_accounts(), locked_addresses()
        return current_failures().order_by("-attempt_time")

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @action(description=_("Unlock"), permissions=["unlock"])  # type: ignore[untyped-decorator]
    def unlock_selected(self, request: HttpRequest, queryset: QuerySet[SignInFailure]) -> None:
        selected = list(queryset)
        who = cast(User, request.user)
        log(who, *selected, text=gettext("Unlocked."), flag=DELETION)
        for failure in selected:
            unlock(failure)
        count = len(selected)
        text = ngettext("%(count)s entry unlocked.", "%(count)s entries unlocked.", count) % {"count": count}
        messages.success(request, text, extra_tags="unlocked")

    @admin.display(description=_("username"))
    def who(self, failure: SignInFailure) -> str:
        return failure.username or "–"

    @admin.display(description=_("IP address"))
    def address(self, failure: SignInFailure) -> str:
        return failure.ip_address or "–"

    @admin.display(description=_("failures"))
    def failures(self, failure: SignInFailure) -> int:
        return int(failure.failures_since_start)

    @admin.display(description=_("last failure"))
    def last_time(self, failure: SignInFailure) -> str:
        return format_time(failure.attempt_time)

    @admin.display(description=_("status"))
    def state(self, failure: SignInFailure) -> SafeString:
        accounts, addresses = self._locked
        if failure.ip_address in addresses:
            return badge("red", gettext("Address locked"))
        if (failure.username, failure.ip_address) in accounts:
            return badge("red", gettext("Locked"))
        return badge("grey", gettext("Not locked"))


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    list_display = ("owner", "set_up", "used", "codes_left")
    fields = ("owner", "set_up", "used", "codes_left")
    readonly_fields = fields
    list_select_related = ("user",)
    search_fields = ("user__username",)
    actions = None
    actions_detail = ("reset",)
    delete_confirmation_template = "admin/access/two_factor_reset.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Authenticator]:
        devices: QuerySet[Authenticator] = super().get_queryset(request)
        return devices.filter(confirmed=True).order_by("user__username")

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_reset_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_delete_permission(request)

    def page_context(self, request: HttpRequest, obj: Authenticator) -> dict[str, Any]:
        return {"show_delete": False}  # the button "Reset" leads to the admin's deletion page

    @action(description=_("Reset…"), url_path="reset", permissions=["reset"], icon="lock_reset")  # type: ignore[untyped-decorator]
    def reset(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:access_authenticator_delete", args=[object_id]))

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        """Turn it off and log it in the history of the user as well; the admin logs the deletion itself."""
        turn_off(obj.user, by=cast(User, request.user))

    @admin.display(description=_("username"))
    def owner(self, device: Authenticator) -> str:
        return str(device.user.get_username())

    @admin.display(description=_("set up at"))
    def set_up(self, device: Authenticator) -> str:
        return format_time(device.created_at)

    @admin.display(description=_("last used"))
    def used(self, device: Authenticator) -> str:
        return format_time(device.last_used_at)

    @admin.display(description=_("backup codes left"))
    def codes_left(self, device: Authenticator) -> int:
        return backup_codes_left(device)
