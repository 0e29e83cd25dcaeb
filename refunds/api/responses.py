"""Answer `POST /payments/cancel` from the refund's record; keep the answer once it is final."""

import json
from http import HTTPStatus
from typing import Any

from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from refunds.api.errors import STATUS_OF, respond
from refunds.errors import AwaitingApproval, RefundNotDone
from refunds.messages import message_of
from refunds.models import FINAL_STATUSES, RefundRecord, RefundStatus
from refunds.serialization import (
    Amount,
    ApprovalSerializer,
    Json,
    PaymentSerializer,
    RefundSerializer,
    ViolationSerializer,
    approval_json,
    error_json,
    payment_json,
    refund_json,
    warnings_json,
)
from refunds.services.idempotency import store_answer, stored_answer
from refunds.services.refund import outcome_of

REPLAYED = "Idempotent-Replayed"


class RefundedPaymentSerializer(PaymentSerializer):
    """The payment as it is after the refund."""

    refund = RefundSerializer()
    warnings = ViolationSerializer(
        many=True,
        help_text="What was worth knowing about this refund when it was requested: costs, times, and what the PG may "
        "refuse. Empty for buyers, and in a repeat while the refund is open.",
    )

    def to_representation(self, instance: Any) -> Json:
        """Write the payment of the refund `instance`, and the refund."""
        body = payment_json(instance.payment)
        return body | {"refund": refund_json(instance), "warnings": warnings_json(instance.warnings)}


class PendingRefundSerializer(RefundedPaymentSerializer):
    """The payment with a refund that the PG executes later."""

    message = serializers.CharField(help_text="A sentence for people.")
    code = serializers.ChoiceField([RefundStatus.PENDING.value])

    def to_representation(self, instance: Any) -> Json:
        return super().to_representation(instance) | {"message": message_of(instance), "code": instance.status}


class AwaitingApprovalSerializer(PaymentSerializer):
    """The payment, unchanged, with the request that a second person decides."""

    approval = ApprovalSerializer()
    message = serializers.CharField(help_text="A sentence for people.")
    code = serializers.ChoiceField([AwaitingApproval.code])

    def to_representation(self, instance: Any) -> Json:
        """Write what the `AwaitingApproval` instance says."""
        approval = instance.approval
        said = {"approval": approval_json(approval), "message": instance.message, "code": instance.code}
        return payment_json(approval.payment) | said


class FullPaymentSerializer(PaymentSerializer):
    """The payment, and the request for a refund of it that waits for approval."""

    approval = ApprovalSerializer(allow_null=True, help_text="The waiting request; null if there is none.")

    def to_representation(self, instance: Any) -> Json:
        waiting = instance.approvals.waiting().select_related("payment").first() if instance.pk else None
        return payment_json(instance) | {"approval": approval_json(waiting) if waiting else None}


class StatedPaymentSerializer(PaymentSerializer):
    """The payment with its tax parts."""

    tax_free = Amount(allow_null=True, help_text="Tax-free part as stated at payment; null: not known.")
    vat_amount = Amount(allow_null=True, help_text="VAT part as stated at payment; null: not known.")


STATED_PAYMENT = StatedPaymentSerializer()
FULL_PAYMENT, AWAITING_APPROVAL = FullPaymentSerializer(), AwaitingApprovalSerializer()
REFUNDED_PAYMENT, PENDING_REFUND = RefundedPaymentSerializer(), PendingRefundSerializer()


def answer_of(record: RefundRecord, *, is_new: bool) -> Response:
    """Answer the request that made this refund, or a repeat of it. Raises `RefundInProgress`.

    With an idempotency key, every repeat gets the first final answer; while the refund is open, its current state.
    """
    kept = None if is_new else stored_answer(record)
    status, body = kept or _current_answer(record)
    if record.idempotency_key and record.status in FINAL_STATUSES and kept is None:
        status, body = store_answer(record, http_status=status, body=body)
    response = respond(json.loads(body), status)
    if not is_new:
        response[REPLAYED] = "true"
    return response


def awaiting_answer(exc: AwaitingApproval) -> Response:
    """Answer the request whose refund waits for approval, or a repeat of it."""
    response = respond(AWAITING_APPROVAL.to_representation(exc), HTTPStatus.ACCEPTED)
    if not exc.is_new:
        response[REPLAYED] = "true"
    return response


def _current_answer(record: RefundRecord) -> tuple[int, str]:
    try:
        outcome = outcome_of(record)
    except RefundNotDone as exc:
        body = error_json(exc)
        if record.idempotency_key and record.status in FINAL_STATUSES:
            body["retryable"] = False  # the same request gets this same answer: another try needs a new key
        return int(STATUS_OF[type(exc)]), _text(body)
    if record.status == RefundStatus.PENDING:
        return 202, _text(PENDING_REFUND.to_representation(record))
    return 200, _text(REFUNDED_PAYMENT.to_representation(outcome))


def _text(body: Json) -> str:
    return JSONRenderer().render(body).decode()
