"""Answer errors outside the API's views: as JSON under its URLs, as a page elsewhere."""

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.utils.translation import gettext as _
from rest_framework import exceptions

from core.http.body_limit import LengthRequired
from core.http.error_pages import error_page
from refunds.api.framework_messages import framework_error_json
from refunds.api.parsers import TooLarge
from refunds.serialization import Json

_API_PREFIXES = ("/payments", "/refunds", "/refund-reasons", "/approvals", "/statements", "/webhooks", "/api")


def _answer(request: HttpRequest, status: int, body: Json) -> HttpResponse:
    if request.path.startswith(_API_PREFIXES):
        return JsonResponse(body, status=status)
    return error_page(request, "400.html" if status == 411 else f"{status}.html", status=status)


def _error(code: str, message: str) -> Json:
    return {"message": message, "code": code, "retryable": False}


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """Answer 405 as JSON, for URLs that DRF does not serve."""
    exc = exceptions.MethodNotAllowed(request.method or "")
    body = framework_error_json(exc, method=request.method or "")
    return JsonResponse(body, status=exc.status_code, headers={"Allow": allowed})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400, or 413 for a body that is too large to read, or 411 for one whose end is not known."""
    if isinstance(exception, LengthRequired):
        return _answer(request, 411, _error("length_required", _("Send the request with a Content-Length.")))
    if isinstance(exception, RequestDataTooBig):
        return _answer(request, 413, framework_error_json(TooLarge()))
    if isinstance(exception, TooManyFilesSent):
        return _answer(request, 400, _error("files_not_accepted", _("Files are not accepted here.")))
    return _answer(request, 400, _error("bad_request", _("The request cannot be read.")))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it
    return _answer(request, 403, framework_error_json(exceptions.PermissionDenied()))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 and name the cause: another address than the server's, no cookie, or a page that has expired."""
    if request.path.startswith(_API_PREFIXES):
        return _answer(request, 403, framework_error_json(exceptions.PermissionDenied(f"CSRF Failed: {reason}")))
    causes = {"address": ("Origin", "Referer"), "cookie": (REASON_NO_CSRF_COOKIE,)}
    cause = next((name for name, starts in causes.items() if reason.startswith(starts)), "")
    return error_page(request, "403_csrf.html", status=403, cause=cause)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it
    return _answer(request, 404, framework_error_json(exceptions.NotFound()))


def server_error(request: HttpRequest) -> HttpResponse:
    message = _("Something went wrong on our side. Check the order before you try again.")
    return _answer(request, 500, _error("server_error", message))
