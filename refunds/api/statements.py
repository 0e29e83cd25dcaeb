"""`GET /statements`: what was paid, refunded and reversed in a month."""

from datetime import date

from django.http import Http404
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from refunds.api.openapi import statement_operations as operations
from refunds.permissions import may_view_reports
from refunds.statements.as_json import months_json, statement_json
from refunds.statements.months import begun_month
from refunds.statements.read import statement_of


class StatementListView(APIView):
    """`GET /statements`: the months, newest first."""

    @operations.list_statements
    def get(self, request: Request) -> Response:
        _ensure_may_view(request)
        return Response({"results": months_json()})


class StatementView(APIView):
    """`GET /statements/{month}`: the statement of a month."""

    @operations.get_statement
    def get(self, request: Request, month: str) -> Response:
        _ensure_may_view(request)
        return Response(statement_json(statement_of(_begun(month))))


def _ensure_may_view(request: Request) -> None:
    if not may_view_reports(request.user):
        raise PermissionDenied


def _begun(written: str) -> date:
    """Return a month that has begun. Raises `Http404` for anything else."""
    try:
        return begun_month(written)
    except ValueError as exc:
        raise Http404 from exc
