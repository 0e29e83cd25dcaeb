"""The API's views: parse, one service call, serialize."""

import re
from functools import partial
from typing import cast

from django.contrib.auth.models import User
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.models import ApiToken
from payments.lookup import find_by_number, find_payment
from payments.models import Payment
from refunds.api.body import read_idempotency_key, read_refund_request, read_uids
from refunds.api.lists.filters import narrow_payments, narrow_refunds
from refunds.api.lists.pagination import (
    PaymentPageSerializer,
    RefundListSerializer,
    RefundPageSerializer,
    page_of,
)
from refunds.api.openapi import operations
from refunds.api.responses import answer_of
from refunds.errors import IdempotencyConflict, RefundNotFound
from refunds.inputs import Actor
from refunds.models import RefundSource
from refunds.permissions import ensure_may_refund, may_refund_any, payments_visible_to, refunds_visible_to
from refunds.serialization import Json, payment_json, refund_json
from refunds.services.idempotency import find_repeated
from refunds.services.refund import refund_once


class CancelPaymentView(APIView):
    """`POST /payments/cancel`: refund an order, wholly or in part."""

    @operations.cancel_payment
    def post(self, request: Request) -> Response:
        user = cast(User, request.user)
        body = cast(Json, request.data)  # JSONParser gives nothing else
        uids = read_uids(body)
        asked = read_refund_request(body, requester="admin" if may_refund_any(user) else "customer")
        key, visible = _idempotency_key(request), payments_visible_to(user)
        repeated = partial(find_repeated, user=user, idempotency_key=key, uids=uids, request=asked, visible=visible)
        # Asked before anything else: a repeat is never refused for what has changed since.
        if (record := repeated()) is not None:
            return answer_of(record, is_new=False)
        payment = find_payment(payments=visible, **uids)
        ensure_may_refund(user, payment)
        try:
            record, is_new = refund_once(
                payment=payment,
                request=asked,
                actor=Actor(name=user.get_username(), user=user, token=cast(ApiToken | None, request.auth)),
                source=RefundSource.API,
                idempotency_key=key,
            )
        except IdempotencyConflict:
            # Its twin, done meanwhile, may have left the order's number to mean another payment.
            if (record := repeated()) is None:
                raise
            is_new = False
        return answer_of(record, is_new=is_new)


class PaymentListView(APIView):
    """`GET /payments`: payments, newest first."""

    @operations.list_payments
    def get(self, request: Request) -> Response:
        payments = narrow_payments(payments_visible_to(cast(User, request.user)), request.query_params)
        return page_of(payments, request, at="at", serializer=PaymentPageSerializer)


class RefundListView(APIView):
    """`GET /refunds`: refunds, newest first."""

    @operations.list_refunds
    def get(self, request: Request) -> Response:
        refunds = narrow_refunds(refunds_visible_to(cast(User, request.user)), request.query_params)
        return page_of(refunds, request, at="requested_at", serializer=RefundPageSerializer)


class PaymentView(APIView):
    """`GET /payments/{merchant_uid}`: one payment (an `imp_uid` is accepted too)."""

    @operations.get_payment
    def get(self, request: Request, number: str) -> Response:
        return Response(payment_json(_visible_payment(request, number)))


class PaymentRefundsView(APIView):
    """`GET /payments/{merchant_uid}/refunds`: the refunds of one payment, newest first."""

    @operations.list_payment_refunds
    def get(self, request: Request, number: str) -> Response:
        payment = _visible_payment(request, number)
        return Response(RefundListSerializer({"results": payment.refunds.select_related("payment")}).data)


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
    return find_by_number(payments=payments_visible_to(cast(User, request.user)), number=number)


def _idempotency_key(request: Request) -> str | None:
    return read_idempotency_key(request.headers.get("Idempotency-Key"))
