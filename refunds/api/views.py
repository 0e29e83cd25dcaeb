"""The storefront's API: parse, one service call, serialize."""

import re
from typing import cast

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.models import ApiToken
from payments.errors import PaymentNotFound
from payments.models import Payment
from payments.services import find_by_number, find_payment
from refunds.api import schema
from refunds.api.serializers import read_refund_request, read_uids
from refunds.errors import InvalidRequest
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.permissions import ensure_may_refund, may_refund_any, payments_visible_to
from refunds.representation import Json, payment_json, refund_json
from refunds.services import Actor, request_refund

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class CancelPaymentView(APIView):
    """`POST /payments/cancel`: refund an order, wholly or in part."""

    @schema.cancel_payment
    def post(self, request: Request) -> Response:
        user = cast(User, request.user)
        body = cast(Json, request.data)  # JSONParser gives nothing else
        uids = read_uids(body)
        payment = find_payment(payments=payments_visible_to(user), **uids)
        ensure_may_refund(user, payment)
        refund = request_refund(
            payment=payment,
            request=read_refund_request(body, requester="admin" if may_refund_any(user) else "customer"),
            actor=Actor(name=user.get_username(), user=user, token=cast(ApiToken | None, request.auth)),
            source=RefundSource.API,
            idempotency_key=_idempotency_key(request),
        )
        answer = payment_json(refund.payment) | {"refund": refund_json(refund)}
        if refund.status == RefundStatus.PENDING:
            return Response(answer | {"message": refund.message, "code": "pending"}, status=202)
        return Response(answer)


class PaymentView(APIView):
    """`GET /payments/{merchant_uid}`: one order (an `imp_uid` is accepted too)."""

    @schema.get_payment
    def get(self, request: Request, number: str) -> Response:
        return Response(payment_json(_visible_payment(request, number)))


class PaymentRefundsView(APIView):
    """`GET /payments/{merchant_uid}/refunds`: what was given back of one order, newest first."""

    @schema.list_refunds
    def get(self, request: Request, number: str) -> Response:
        payment = _visible_payment(request, number)
        results: list[Json] = [refund_json(refund) for refund in payment.refunds.select_related("payment").all()]
        return Response({"results": results})


class RefundView(APIView):
    """`GET /refunds/{id}`: one refund, by its id or its number."""

    @schema.get_refund
    def get(self, request: Request, number: str) -> Response:
        refunds = RefundRecord.objects.select_related("payment")
        refunds = refunds.filter(payment__in=payments_visible_to(cast(User, request.user)))
        wanted = {"pk": int(number)} if re.fullmatch(r"[0-9]{1,18}", number) else {"number": number}
        refund = refunds.filter(**wanted).first()
        if refund is None:
            raise PaymentNotFound(number)
        return Response(refund_json(refund))


def _visible_payment(request: Request, number: str) -> Payment:
    return find_by_number(payments=payments_visible_to(cast(User, request.user)), number=number)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        message = _("The Idempotency-Key must be 1 to 255 visible ASCII characters.")
        raise InvalidRequest("invalid_idempotency_key", message, field="Idempotency-Key")
    return key
