"""Statements in the admin: pages of their own, for open months have no row."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from core.admin.lists import ReadOnlyAdmin
from refunds.admin.statements import pages
from refunds.permissions import may_view_reports


class StatementMonthAdmin(ReadOnlyAdmin):
    """The months: their list takes the place of the admin's own."""

    may_view = staticmethod(may_view_reports)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return pages.month_list(request)

    def get_urls(self) -> list[URLPattern]:
        """Return the list and the pages of a month, and none of the admin's own pages of a row."""
        view, name = self.admin_site.admin_view, "refunds_statementmonth"
        return [
            path("", view(self.changelist_view), name=f"{name}_changelist"),
            path("<str:written>/", view(pages.month_page), name=f"{name}_month"),
            path("<str:written>/print/", view(pages.print_view), name=f"{name}_print"),
            path("<str:written>/file/<str:content>/<str:kind>/", view(pages.download), name=f"{name}_file"),
        ]
