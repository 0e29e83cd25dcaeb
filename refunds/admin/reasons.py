"""The list of reasons for refunds, which a shop keeps itself."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from core.admin.display import badge, two_lines
from core.admin.lists import StrictListMixin
from refunds.models import RefundReason


class RefundReasonAdmin(StrictListMixin, ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """Reasons may change or go at any time: refunds keep their own copy of what was chosen."""

    list_display = ("name", "broken_code", "at_fault", "asks_for", "use", "position")
    list_display_links = ("name",)
    list_fullwidth = True
    sortable_by: tuple[str, ...] = ()
    actions = None
    fields = ("code", "name_ko", "name_en", "fault", "needs_note", "is_active", "position")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The code stays: programs and earlier refunds use it."""
        return ("code",) if obj else ()

    @admin.display(description=_("reason"))
    def name(self, reason: RefundReason) -> SafeString:
        other = reason.name_en if (get_language() or "").startswith("ko") else reason.name_ko
        return two_lines(reason.frozen.name, other)

    @admin.display(description=_("code"))
    def broken_code(self, reason: RefundReason) -> SafeString:
        """Return the code, which a phone breaks between its words."""
        return format_html_join(mark_safe("_<wbr>"), "{}", ((word,) for word in reason.code.split("_")))

    @admin.display(description=pgettext_lazy("refund", "fault"))
    def at_fault(self, reason: RefundReason) -> str:
        return reason.get_fault_display() or "–"

    @admin.display(description=pgettext_lazy("of a refund's reason", "Details"))
    def asks_for(self, reason: RefundReason) -> str:
        return gettext("Required") if reason.needs_note else ""

    @admin.display(description=_("status"))
    def use(self, reason: RefundReason) -> SafeString:
        return badge("green", gettext("In use")) if reason.is_active else badge("grey", gettext("Not in use"))
