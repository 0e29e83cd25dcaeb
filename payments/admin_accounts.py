"""Django's own account pages in the theme's look."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from access.admin_lists import StrictListMixin

admin.site.unregister([User, Group])


@admin.register(User)
class UserAdmin(StrictListMixin, DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # the theme ships no types
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(StrictListMixin, DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    pass
