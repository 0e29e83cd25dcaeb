"""Answer errors outside the API's views: as JSON under its URLs, as a page elsewhere."""

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from rest_framework import exceptions

from refunds.api.framework_messages import framework_error_json
from refunds.api.parsers import TooLarge

_API_PREFIXES = ("/payments", "/refunds", "/webhooks", "/api")


def _wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(_API_PREFIXES)


def _json_error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"message": message, "code": code, "retryable": False}, status=status)


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """Answer 405 as JSON, for URLs that DRF does not serve."""
    exc = exceptions.MethodNotAllowed(request.method or "")
    answer = JsonResponse(framework_error_json(exc, method=request.method or ""), status=exc.status_code)
    answer["Allow"] = allowed
    return answer


def _page(status: int) -> HttpResponse:
    # Django's own error views read the body for a CSRF token first, and the body may be unreadable.
    return HttpResponse(render_to_string(f"{status}.html"), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400, or 413 for a body that is too large to read."""
    if isinstance(exception, RequestDataTooBig):
        return JsonResponse(framework_error_json(TooLarge()), status=413) if _wants_json(request) else _page(413)
    if not _wants_json(request):
        return _page(400)
    if isinstance(exception, TooManyFilesSent):
        return _json_error(400, "files_not_accepted", _("Files are not accepted here."))
    return _json_error(400, "bad_request", _("The request cannot be read."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it
    if _wants_json(request):
        return _json_error(403, "permission_denied", _("You do not have permission to do this."))
    return _page(403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it
    if _wants_json(request):
        return _json_error(404, "not_found", _("Not found."))
    return _page(404)


def server_error(request: HttpRequest) -> HttpResponse:
    if _wants_json(request):
        message = _("Something went wrong on our side. Check the order before you try again.")
        return _json_error(500, "server_error", message)
    return _page(500)
