"""Django's pages of users and groups in the theme's look, with labelled permissions."""

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Manager, Model
from django.forms import Field, ModelForm, ModelMultipleChoiceField
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from access.admin.permission_labels import offered_permissions, permission_choices
from access.admin.rights import Administrator, grantable_groups, grantable_permissions, may_manage
from access.sign_in.password_forms import AccountPasswordForm
from core.admin.lists import StrictListMixin

# Rows of many-to-many tables. Django translates their names once, when it starts.
LINK_TABLES = tuple(
    table._meta  # noqa: SLF001 (Django's public API)
    for table in (User.groups.through, User.user_permissions.through, Group.permissions.through)
)

admin.site.unregister([User, Group])


def _offer(field: Field | None, given: "Manager[Permission] | None", by: Administrator) -> None:
    """Let this field offer the permissions that `by` may give, by section, with their labels."""
    if isinstance(field, ModelMultipleChoiceField):
        pks = given.values_list("pk", flat=True) if given is not None else ()
        field.queryset = offered_permissions(pks).filter(pk__in=grantable_permissions(by).values("pk"))
        field.choices = list(permission_choices(field.queryset))


class ReadableUserForm(UserChangeForm):  # type: ignore[misc]  # the theme ships no types
    by: Administrator  # who fills it in

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self.fields.get("user_permissions"), self.instance.user_permissions, self.by)
        if isinstance(groups := self.fields.get("groups"), ModelMultipleChoiceField):
            groups.queryset = grantable_groups(self.by)


class ReadableGroupForm(ModelForm):  # type: ignore[type-arg]  # it takes no argument when run
    by: Administrator  # who fills it in

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self.fields.get("permissions"), self.instance.permissions if self.instance.pk else None, self.by)


class AccountMixin(StrictListMixin):
    """Show groups and permissions as check boxes: two lists side by side do not fit on a small screen."""

    filter_horizontal = ()

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.by = request.user
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and may_manage(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and may_manage(request.user, obj)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        widget = UnfoldAdminCheckboxSelectMultipleWidget()
        field: Field | None = super().formfield_for_manytomany(db_field, request, **{**kwargs, "widget": widget})
        return field

    def get_deleted_objects(
        self, objs: Iterable[Model], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Leave out the rows of the many-to-many tables between users, groups and permissions."""
        deleted, counts, refused, protected = super().get_deleted_objects(objs, request)
        for table in LINK_TABLES:
            counts.pop(table.verbose_name_plural, None)
        return _without_links(deleted), counts, refused, protected


def _without_links(found: list[Any]) -> list[Any]:
    starts = tuple(f"{capfirst(table.verbose_name)}:" for table in LINK_TABLES)
    own = [_without_links(each) if isinstance(each, list) else each for each in found]
    return [each for each in own if each and not str(each).startswith(starts)]


@admin.register(User)
class UserAdmin(AccountMixin, DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    form = ReadableUserForm
    # Both say what to do instead where refunds or tokens of an account keep it from being deleted.
    delete_confirmation_template = "admin/access/user_delete.html"
    delete_selected_confirmation_template = "admin/access/users_delete.html"
    add_form = UserCreationForm
    change_password_form = AccountPasswordForm
    change_user_password_template = "admin/access/account_password.html"  # noqa: S105 - a file

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Only superusers make superusers."""
        fixed = () if cast(User, request.user).is_superuser else ("is_superuser",)
        return [*super().get_readonly_fields(request, obj), *fixed]

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Log and announce the tokens that a new password has revoked."""
        if isinstance(form, AccountPasswordForm) and form.revoked:
            form.log_revoked(cast(User, request.user))
            count = len(form.revoked)
            text = ngettext("%(count)d API token was revoked.", "%(count)d API tokens were revoked.", count)
            messages.success(request, text % {"count": count}, extra_tags="tokens_revoked")
        return super().construct_change_message(request, form, formsets, add)


@admin.register(Group)
class GroupAdmin(AccountMixin, DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    form = ReadableGroupForm
