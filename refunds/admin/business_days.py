"""The days on which Korean banks are closed, or open, against the calendar."""

from typing import Any

from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from core.admin.display import badge
from core.admin.lists import StrictListMixin
from refunds.models import BusinessDayException
from refunds.permissions import may_manage_notices


class BusinessDayAdmin(StrictListMixin, ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    list_display = ("day", "name", "banks")
    actions = None
    fields = ("day", "name", "is_business_day")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_manage_notices(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_manage_notices(request.user)

    has_add_permission = has_module_permission
    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Say what the calendar knows already."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "day" and field is not None:
            field.help_text = gettext(
                "Weekends, public holidays with their substitutes, and 1 May are known. Enter only days declared late."
            )
        return field

    @admin.display(description=_("banks"))
    def banks(self, exception: BusinessDayException) -> SafeString:
        is_open = exception.is_business_day
        return badge("green", gettext("Open")) if is_open else badge("grey", gettext("Closed"))
