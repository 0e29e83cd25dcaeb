"""What the admin theme gets wrong."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse


def admin_search(request: HttpRequest) -> HttpResponse:
    """The theme's search of the admin's sections. They fill one page, and the theme fails when asked for another."""
    if request.GET.get("page", "1") != "1":
        raise Http404
    response: HttpResponse = admin.site.search(request)  # type: ignore[attr-defined]  # the theme's own site has it
    return response
