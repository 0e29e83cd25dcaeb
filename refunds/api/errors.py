"""Errors as the API answers them: always `{"message": text for people, "code": stable word, ...}`."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent
from django.db import DataError, IntegrityError, NotSupportedError, ProgrammingError
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from core.errors import DomainError
from payments.errors import AmbiguousOrder, PaymentNotFound
from refunds.api.framework_messages import code_of, message_of
from refunds.api.parsers import TooLarge
from refunds.errors import (
    ApprovalRequired,
    IdempotencyConflict,
    InvalidQuery,
    InvalidRequest,
    PolicyViolated,
    RefundAbandoned,
    RefundInProgress,
    RefundNotAllowed,
    RefundNotFound,
    RefundNotSent,
    RefundOutcomeUnknown,
    RefundRefused,
    TokenAmountLimit,
    TokenCurrency,
    TokenDailyLimit,
    TokenEnded,
    TooManyFailed,
)
from refunds.serialization import Json, error_json

logger = logging.getLogger(__name__)

STATUS_OF: dict[type[DomainError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    InvalidQuery: HTTPStatus.BAD_REQUEST,
    PolicyViolated: HTTPStatus.BAD_REQUEST,
    AmbiguousOrder: HTTPStatus.BAD_REQUEST,
    ApprovalRequired: HTTPStatus.FORBIDDEN,
    RefundNotAllowed: HTTPStatus.FORBIDDEN,
    TokenEnded: HTTPStatus.FORBIDDEN,
    TokenCurrency: HTTPStatus.FORBIDDEN,
    TokenAmountLimit: HTTPStatus.FORBIDDEN,
    TokenDailyLimit: HTTPStatus.FORBIDDEN,
    PaymentNotFound: HTTPStatus.NOT_FOUND,
    RefundNotFound: HTTPStatus.NOT_FOUND,
    RefundInProgress: HTTPStatus.CONFLICT,
    IdempotencyConflict: HTTPStatus.CONFLICT,
    TooManyFailed: HTTPStatus.TOO_MANY_REQUESTS,
    RefundRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefundNotSent: HTTPStatus.SERVICE_UNAVAILABLE,
    RefundAbandoned: HTTPStatus.SERVICE_UNAVAILABLE,
    RefundOutcomeUnknown: HTTPStatus.GATEWAY_TIMEOUT,
}

# What the database says of these lies in the query, and no second try helps.
_BUGS_OF_OURS = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
_API_PREFIXES = ("/payments", "/refunds", "/webhooks", "/api")
_FRAMEWORK: dict[type[Exception], type[exceptions.APIException]] = {
    Http404: exceptions.NotFound,
    PermissionDenied: exceptions.PermissionDenied,
}
RETRY_AFTER_SECONDS = 2  # most refunds are done by then


def respond(body: Json, status: int) -> Response:
    """An answer; one that may be asked for again says when."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if body.get("retryable") else None
    return Response(body, status=status, headers=headers)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into the API's error answer; None (a server error) only for bugs."""
    if isinstance(exc, DomainError):
        return respond(error_json(exc), STATUS_OF[type(exc)])
    if isinstance(exc, DatabaseError) and not isinstance(exc, _BUGS_OF_OURS):
        # Settlement reports its own failures as "outcome unknown": whatever fails elsewhere fails before the call.
        logger.error("database error in %s", type(context["view"]).__name__, exc_info=exc)
        message = _("The database cannot be reached. This request refunded nothing; try again in a moment.")
        return respond({"message": message, "code": "database_unavailable", "retryable": True}, 503)
    answer = drf_exception_handler(exc, context)  # with its headers: Allow, WWW-Authenticate, Retry-After
    if answer is not None:
        # Views raise Django's own "not found" and "not allowed" too.
        known = exc if isinstance(exc, exceptions.APIException) else _FRAMEWORK[type(exc)]()
        message = message_of(known, context["request"].method)
        answer.data = {"message": message, "code": code_of(known), "retryable": isinstance(exc, exceptions.Throttled)}
    return answer


# --- Errors outside the API's views -------------------------------------------------------------------------


def _wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(_API_PREFIXES)


def _json_error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"message": message, "code": code, "retryable": False}, status=status)


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """405 as JSON, for the addresses that DRF does not serve."""
    exc = exceptions.MethodNotAllowed(request.method or "")
    answer = _json_error(405, code_of(exc), message_of(exc, request.method or ""))
    answer["Allow"] = allowed
    return answer


def _page(status: int) -> HttpResponse:
    # Django's own views look for a CSRF token in the body first, which may be what cannot be read.
    return HttpResponse(render_to_string(f"{status}.html"), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400; 413 for a body that was too large to be read at all."""
    if isinstance(exception, RequestDataTooBig):
        message = message_of(TooLarge(), request.method or "")
        return _json_error(413, "too_large", message) if _wants_json(request) else _page(413)
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
