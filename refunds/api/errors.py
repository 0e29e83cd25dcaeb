"""Errors as the API answers them: always `{"message": text for people, "code": stable word, ...}`."""

import logging
from http import HTTPStatus
from typing import Any

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from payments.errors import AmbiguousOrder, DomainError, PaymentNotFound
from refunds.errors import (
    ApprovalRequired,
    IdempotencyConflict,
    InvalidRequest,
    PolicyViolated,
    RefundAbandoned,
    RefundInProgress,
    RefundNotAllowed,
    RefundNotSent,
    RefundOutcomeUnknown,
    RefundRefused,
    TokenAmountLimit,
    TokenCurrency,
    TokenDailyLimit,
    TokenEnded,
)
from refunds.representation import error_json

logger = logging.getLogger(__name__)

STATUS_OF: dict[type[DomainError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    PolicyViolated: HTTPStatus.BAD_REQUEST,
    AmbiguousOrder: HTTPStatus.BAD_REQUEST,
    ApprovalRequired: HTTPStatus.FORBIDDEN,
    RefundNotAllowed: HTTPStatus.FORBIDDEN,
    TokenEnded: HTTPStatus.FORBIDDEN,
    TokenCurrency: HTTPStatus.FORBIDDEN,
    TokenAmountLimit: HTTPStatus.FORBIDDEN,
    TokenDailyLimit: HTTPStatus.FORBIDDEN,
    PaymentNotFound: HTTPStatus.NOT_FOUND,
    RefundInProgress: HTTPStatus.CONFLICT,
    IdempotencyConflict: HTTPStatus.CONFLICT,
    RefundRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefundNotSent: HTTPStatus.SERVICE_UNAVAILABLE,
    RefundAbandoned: HTTPStatus.SERVICE_UNAVAILABLE,
    RefundOutcomeUnknown: HTTPStatus.GATEWAY_TIMEOUT,
}

_API_PREFIXES = ("/payments", "/refunds", "/webhooks", "/api")


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into the API's error answer; None (a server error) only for bugs."""
    if isinstance(exc, DomainError):
        return Response(error_json(exc), status=STATUS_OF[type(exc)])
    if isinstance(exc, DatabaseError):
        # Settlement reports its own failures as "outcome unknown": whatever fails elsewhere fails before the call.
        logger.error("database error in %s", type(context["view"]).__name__, exc_info=exc)
        message = _("The database cannot be reached. This request refunded nothing; try again in a moment.")
        return Response({"message": message, "code": "database_unavailable", "retryable": True}, status=503)
    response = drf_exception_handler(exc, context)
    if response is not None and isinstance(exc, exceptions.Throttled):
        response.data = {
            "message": _throttled_message(response["Retry-After"]),
            "code": exc.default_code,
            "retryable": True,
        }
    elif response is not None and isinstance(exc, exceptions.APIException):
        response.data = {"message": str(exc.detail), "code": _framework_code(exc), "retryable": False}
    elif response is not None:
        response.data = {"message": _("There is nothing here."), "code": "not_found", "retryable": False}
    return response


def _throttled_message(seconds: str) -> str:
    """`seconds` as the Retry-After header says them."""
    message = ngettext(
        "Too many requests. Try again in %(seconds)s second.",
        "Too many requests. Try again in %(seconds)s seconds.",
        int(seconds),
    )
    return message % {"seconds": seconds}


def _framework_code(exc: exceptions.APIException) -> str:
    if isinstance(exc, exceptions.PermissionDenied) and str(exc.detail).startswith("CSRF"):
        return "csrf_failed"
    names: dict[type[exceptions.APIException], str] = {
        exceptions.ParseError: "invalid_json",
        exceptions.UnsupportedMediaType: "unsupported_media_type",
    }
    return names.get(type(exc), str(exc.default_code))


# --- Errors outside the API's views -------------------------------------------------------------------------


def _wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(_API_PREFIXES)


def _json_error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"message": message, "code": code, "retryable": False}, status=status)


def _page(status: int) -> HttpResponse:
    # Django's own views look for a CSRF token in the body first, which may be what cannot be read.
    return HttpResponse(render_to_string(f"{status}.html"), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _wants_json(request):
        return _json_error(400, "bad_request", _("The request cannot be read."))
    return _page(400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _wants_json(request):
        return _json_error(403, "permission_denied", _("You may not do this."))
    return _page(403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _wants_json(request):
        return _json_error(404, "not_found", _("There is nothing here."))
    return _page(404)


def server_error(request: HttpRequest) -> HttpResponse:
    if _wants_json(request):
        message = _("Something went wrong on our side. Look the order up before asking again.")
        return _json_error(500, "server_error", message)
    return _page(500)
