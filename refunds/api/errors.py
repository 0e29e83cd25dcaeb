"""Answer what a view raises: always `{"message": text for people, "code": stable word, ...}`."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from core.database.outage import is_outage
from core.errors import DomainError
from payments.errors import AmbiguousOrder, LookupUnavailable, PaymentNotFound
from refunds.api.framework_messages import framework_error_json
from refunds.errors import (
    ApprovalEnded,
    ApprovalNotFound,
    ApprovalWaiting,
    Busy,
    ConfirmationRequired,
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
    TooManyFailed,
)
from refunds.serialization import Json, error_json
from refunds.token_errors import TokenAmountLimit, TokenCurrency, TokenDailyLimit, TokenEnded

logger = logging.getLogger(__name__)


class DatabaseUnavailable(DomainError):
    """The database failed before anything was sent: settlement reports its own failures as "outcome unknown"."""

    code = "database_unavailable"
    retryable = True

    def __init__(self) -> None:
        super().__init__(_("The database cannot be reached. This request refunded nothing; try again in a moment."))


STATUS_OF: dict[type[DomainError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    InvalidQuery: HTTPStatus.BAD_REQUEST,
    PolicyViolated: HTTPStatus.BAD_REQUEST,
    AmbiguousOrder: HTTPStatus.BAD_REQUEST,
    RefundNotAllowed: HTTPStatus.FORBIDDEN,
    TokenEnded: HTTPStatus.FORBIDDEN,
    TokenCurrency: HTTPStatus.FORBIDDEN,
    TokenAmountLimit: HTTPStatus.FORBIDDEN,
    TokenDailyLimit: HTTPStatus.FORBIDDEN,
    PaymentNotFound: HTTPStatus.NOT_FOUND,
    RefundNotFound: HTTPStatus.NOT_FOUND,
    ApprovalNotFound: HTTPStatus.NOT_FOUND,
    ApprovalWaiting: HTTPStatus.CONFLICT,
    ApprovalEnded: HTTPStatus.CONFLICT,
    RefundInProgress: HTTPStatus.CONFLICT,
    ConfirmationRequired: HTTPStatus.CONFLICT,
    IdempotencyConflict: HTTPStatus.CONFLICT,
    TooManyFailed: HTTPStatus.TOO_MANY_REQUESTS,
    RefundRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    RefundNotSent: HTTPStatus.SERVICE_UNAVAILABLE,
    RefundAbandoned: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    LookupUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    RefundOutcomeUnknown: HTTPStatus.GATEWAY_TIMEOUT,
}

_FRAMEWORK: dict[type[Exception], type[exceptions.APIException]] = {
    Http404: exceptions.NotFound,
    PermissionDenied: exceptions.PermissionDenied,
}
RETRY_AFTER_SECONDS = 2  # most refunds are done by then


def respond(body: Json, status: int) -> Response:
    """Answer with `body`; a retryable error gets `Retry-After`."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if body.get("retryable") else None
    return Response(body, status=status, headers=headers)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Return the error answer for an exception of a view; None (a server error) for bugs only."""
    if is_outage(exc):
        logger.error("database error in %s", type(context["view"]).__name__, exc_info=exc)
        exc = DatabaseUnavailable()
    if isinstance(exc, DomainError):
        return respond(error_json(exc), STATUS_OF[type(exc)])
    answer = drf_exception_handler(exc, context)  # with its headers: Allow, WWW-Authenticate, Retry-After
    if answer is not None:
        # Views raise Django's own "not found" and "not allowed" too.
        known = exc if isinstance(exc, exceptions.APIException) else _FRAMEWORK[type(exc)]()
        answer.data = framework_error_json(known, method=context["request"].method)
    return answer
