"""API tokens for staff: make one, whose secret is shown once, and revoke it. A token is never edited."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Field, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from access.admin.token_forms import NewTokenForm
from access.admin.token_revocation import may_revoke, revoke, revoke_url
from access.models import ApiToken, TokenState
from access.tokens.labels import limits_in_words, scopes_in_words
from access.tokens.service import issue_token
from core.admin.display import badge, two_lines
from core.admin.filters import ChoiceFilter
from core.admin.lists import ReadOnlyAdmin
from core.admin.pages import admin_page

COLOURS = {TokenState.ACTIVE: "green", TokenState.EXPIRED: "amber", TokenState.REVOKED: "grey"}


def state_badge(token: ApiToken) -> SafeString:
    """Return the token's state as a badge."""
    state = token.state(timezone.now())
    return badge(COLOURS[state], state.label, code=state)


class TokenStateFilter(ChoiceFilter):
    title = _("state")
    parameter_name = "state"
    options = {
        TokenState.ACTIVE: (TokenState.ACTIVE.label, lambda tokens: tokens.usable(timezone.now())),
        TokenState.EXPIRED: (TokenState.EXPIRED.label, lambda tokens: tokens.expired(timezone.now())),
        TokenState.REVOKED: (TokenState.REVOKED.label, lambda tokens: tokens.revoked()),
    }


class ApiTokenAdmin(ReadOnlyAdmin):
    form = NewTokenForm
    list_display = ("token", "acts_as", "scopes", "limits", "expires_at", "last_used_at", "state")
    list_filter = (TokenStateFilter,)
    list_select_related = ("user",)
    search_fields = ("name", "start", "user__username")
    search_help_text = _("Name, first characters, account")
    autocomplete_fields = ("user",)
    actions = None
    change_form_outer_before_template = "admin/access/token_overview.html"

    # --- Who may ------------------------------------------------------------------------------------------------

    # Nobody edits or deletes a token; the permission "change" lets staff revoke it.
    has_add_permission = ModelAdmin.has_add_permission

    def has_view_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return bool(super().has_view_permission(request, obj)) or may_revoke(request.user)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiToken], search_term: str
    ) -> tuple[QuerySet[ApiToken], bool]:
        found: tuple[QuerySet[ApiToken], bool] = super().get_search_results(
            request, queryset, search_term.replace("\x00", "")
        )
        return found

    def get_urls(self) -> list[URLPattern]:
        own = path("<int:pk>/revoke/", self.admin_site.admin_view(revoke), name="access_apitoken_revoke")
        return [own, *super().get_urls()]

    # --- A new one ----------------------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: ApiToken | None = None) -> list[Any]:
        """Return no fields for an existing token: the overview shows everything."""
        if obj is not None:
            return []
        account = ["user"] if _may_choose_account(request) else []
        whose = (
            None
            if account
            else gettext("This token acts as your account (%(name)s).") % {"name": request.user.get_username()}
        )
        return [
            (None, {"fields": ["name", *account, "valid_until"], "description": whose}),
            (_("Allowed actions"), {"fields": [("may_read", "may_refund")]}),
            (_("Limits"), {"fields": ["max_amount", "max_per_day", "limit_currency"]}),
        ]

    def get_form(
        self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kwargs: Any
    ) -> type[NewTokenForm]:
        """Leave out the user's field for those who may not choose one; a value that they send is ignored."""
        form: type[NewTokenForm] = super().get_form(request, obj, change=change, **kwargs)
        maker = request.user

        class FormOfMaker(form):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                if isinstance(maker, User) and self.instance.pk is None:
                    self.instance.created_by = maker
                    if "user" not in self.fields:
                        self.instance.user = maker

        return FormOfMaker

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Remove the links that add or edit users: they have pages of their own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "user":
            for operation in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{operation}_related", False)
        return field

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        response: HttpResponse = super().add_view(request, form_url, {**only_save, **(extra_context or {})})
        return response

    def save_model(self, request: HttpRequest, obj: ApiToken, form: "ModelForm[ApiToken]", change: bool) -> None:
        issue_token(obj)

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> TemplateResponse:
        """Show the secret on this page only: it is not stored, so there is no redirect."""
        may_view = self.has_view_permission(request)
        after = reverse("admin:access_apitoken_change", args=[obj.pk]) if may_view else reverse("admin:index")
        facts = {**_facts(obj), "token": obj, "after": after}
        response = admin_page(request, "admin/access/secret.html", gettext("The new token"), **facts)
        patch_cache_control(response, no_store=True, private=True)
        return response

    # --- What is shown ------------------------------------------------------------------------------------------

    def page_context(self, request: HttpRequest, obj: ApiToken) -> dict[str, Any]:
        return {**_facts(obj), "title": obj.name, "revoke_url": revoke_url(request.user, obj)}

    @admin.display(description=_("token"))
    def token(self, token: ApiToken) -> SafeString:
        return two_lines(token.name, f"{token.start}…")

    @admin.display(description=_("acts as"))
    def acts_as(self, token: ApiToken) -> str:
        return token.user.get_username()

    @admin.display(description=_("allowed"))
    def scopes(self, token: ApiToken) -> str:
        return scopes_in_words(token)

    @admin.display(description=_("limits"))
    def limits(self, token: ApiToken) -> SafeString:
        return two_lines(*limits_in_words(token))

    @admin.display(description=_("state"))
    def state(self, token: ApiToken) -> SafeString:
        return state_badge(token)


def _may_choose_account(request: HttpRequest) -> bool:
    return bool(request.user.is_superuser)


def _facts(token: ApiToken) -> dict[str, Any]:
    once, daily = limits_in_words(token)
    return {
        "badge": state_badge(token),
        "scopes": scopes_in_words(token),
        "once": once,
        "daily": daily,
    }
