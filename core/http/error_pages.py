"""Error pages: in the admin's frame below /admin/, else in the shop's, with the request's number for the operator."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from core.request_ids import request_id


def error_page(request: HttpRequest, template: str, *, status: int, **context: Any) -> HttpResponse:
    """Render `template`, which extends its variable `frame`, with this status.

    Staff who are signed in see the admin with its menu. The page of a server error (500) and those of other readers
    use no database and no static files manifest: any of them may have failed.
    """
    context["in_admin"] = is_admin(request)
    context["request_number"] = request_id() if context["in_admin"] else ""
    user = getattr(request, "user", None)
    if status < 500 and context["in_admin"] and user is not None and user.is_authenticated and user.is_staff:
        title = _("Error %(status)s") % {"status": status}
        context |= {**admin.site.each_context(request), "frame": "admin/error.html", "title": title}
        return HttpResponse(render_to_string(template, context, request), status=status)
    return HttpResponse(render_to_string(template, context), status=status)


def is_admin(request: HttpRequest) -> bool:
    """Return whether the request is for a page of the admin."""
    return request.path.startswith(reverse("admin:index"))


def explain_refused_methods(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """Give the admin's answers 405 a page: Django's are empty. Staff meet them by reloading a page made for a form."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        answer = get_response(request)
        if answer.status_code == 405 and is_admin(request):
            page = error_page(request, "405.html", status=405)
            page["Allow"] = answer["Allow"]
            return page
        return answer

    return middleware
