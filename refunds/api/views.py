"""The API's views: parse, one service call, serialize."""

import re
from typing import cast

from django.contrib.auth.models import User
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.models import ApiToken
from payments.lookup import find_by_number
from payments.models import Payment
from refunds.api.body import read_idempotency_key, read_refund_request, read_tax_parts, read_uids
from refunds.api.lists.filters import narrow_approvals, narrow_payments, narrow_refunds
from refunds.api.lists.pagination import APPROVAL_PAGE, PAYMENT_PAGE, REASON_LIST, REFUND_LIST, REFUND_PAGE, page_of
from refunds.api.openapi import operations
from refunds.api.responses import FULL_PAYMENT, STATED_PAYMENT, answer_of, awaiting_answer
from refunds.errors import ApprovalNotFound, AwaitingApproval, RefundNotFound
from refunds.inputs import Actor
from refunds.permissions import (
    approvals_visible_to,
    may_refund_any,
    may_view_payments,
    payments_visible_to,
    refunds_visible_to,
)
from refunds.serialization import Json, approval_json, refund_json
from refunds.services.reasons import reasons_in_use
from refunds.services.refund import refund_order
from refunds.services.tax_parts import state_tax_parts


class CancelPaymentView(APIView):
    """`POST /payments/cancel`: refund an order, wholly or in part."""

    @operations.cancel_payment
    def post(self, request: Request) -> Response:
        user = cast(User, request.user)
        body = cast(Json, request.data)  # JSONParser gives nothing else
        try:
            record, is_new = refund_order(
                uids=read_uids(body),
                request=read_refund_request(body, requester="admin" if may_refund_any(user) else "customer"),
                actor=Actor(name=user.get_username(), user=user, token=cast(ApiToken | None, request.auth)),
                key=read_idempotency_key(request.headers.get("Idempotency-Key")),
            )
        except AwaitingApproval as exc:
            return awaiting_answer(exc)
        return answer_of(record, is_new=is_new)


class PaymentListView(APIView):
    """`GET /payments`: payments, newest first."""

    @operations.list_payments
    def get(self, request: Request) -> Response:
        payments = narrow_payments(payments_visible_to(cast(User, request.user)), request.query_params)
        return page_of(payments, request, at="at", serializer=PAYMENT_PAGE)


class RefundListView(APIView):
    """`GET /refunds`: refunds, newest first."""

    @operations.list_refunds
    def get(self, request: Request) -> Response:
        refunds = narrow_refunds(refunds_visible_to(cast(User, request.user)), request.query_params)
        return page_of(refunds, request, at="requested_at", serializer=REFUND_PAGE)


class RefundReasonsView(APIView):
    """`GET /refund-reasons`: the reasons that a refund can have, in the shop's order."""

    @operations.list_refund_reasons
    def get(self, _request: Request) -> Response:
        return Response(REASON_LIST.to_representation({"results": reasons_in_use().values()}))


class PaymentView(APIView):
    """`/payments/{merchant_uid}`: one payment (an `imp_uid` is accepted too), and its tax parts."""

    @operations.get_payment
    def get(self, request: Request, number: str) -> Response:
        return Response(FULL_PAYMENT.to_representation(_visible_payment(request, number)))

    @operations.state_tax_parts
    def patch(self, request: Request, number: str) -> Response:
        payment = state_tax_parts(
            payment=_visible_payment(request, number),
            user=cast(User, request.user),
            parts=read_tax_parts(cast(Json, request.data)),
        )
        return Response(STATED_PAYMENT.to_representation(payment))


class PaymentRefundsView(APIView):
    """`GET /payments/{merchant_uid}/refunds`: the refunds of one payment, newest first."""

    @operations.list_payment_refunds
    def get(self, request: Request, number: str) -> Response:
        payment = _visible_payment(request, number)
        refunds = payment.refunds.select_related("payment", "late_record")
        return Response(REFUND_LIST.to_representation({"results": refunds}))


class ApprovalListView(APIView):
    """`GET /approvals`: requests for approval, newest first."""

    @operations.list_approvals
    def get(self, request: Request) -> Response:
        approvals = narrow_approvals(approvals_visible_to(cast(User, request.user)), request.query_params)
        return page_of(approvals, request, at="requested_at", serializer=APPROVAL_PAGE)


class ApprovalView(APIView):
    """`GET /approvals/{number}`: one request for approval."""

    @operations.get_approval
    def get(self, request: Request, number: str) -> Response:
        approval = approvals_visible_to(cast(User, request.user)).filter(number=number).first()
        if approval is None:
            raise ApprovalNotFound(number)
        return Response(approval_json(approval))


class RefundView(APIView):
    """`GET /refunds/{id}`: one refund, by its id or its number."""

    @operations.get_refund
    def get(self, request: Request, number: str) -> Response:
        wanted = {"pk": int(number)} if re.fullmatch(r"[0-9]{1,18}", number) else {"number": number}
        refund = refunds_visible_to(cast(User, request.user)).filter(**wanted).first()
        if refund is None:
            raise RefundNotFound(number)
        return Response(refund_json(refund))


def _visible_payment(request: Request, number: str) -> Payment:
    user = cast(User, request.user)
    return find_by_number(payments=payments_visible_to(user), number=number, ask_gateway=may_view_payments(user))
