"""What the admin theme asks of this installation."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.translation import gettext as _

IAMPORT_HOST = "api.iamport.kr"


def environment(request: HttpRequest) -> list[str] | None:  # noqa: ARG001 - the theme passes the request
    """A badge next to the title unless refunds move real money at i'mport."""
    if urlsplit(settings.IAMPORT_API_URL).hostname == IAMPORT_HOST:
        return None
    return [_("sandbox"), "warning"]


def stylesheet(request: HttpRequest) -> str:  # noqa: ARG001 - the theme passes the request
    """Our own styles; asked for per request because a hashed name is only known after collectstatic."""
    return static("refunds/admin/admin.css")
