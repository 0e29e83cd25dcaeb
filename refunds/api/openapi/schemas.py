"""The shapes of bodies and answers, for the OpenAPI description only: nothing is read or written with these.

What is sent is written by `refunds.serialization`, what is received is read by `refunds.api.body`.
Tests compare these shapes with both.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from core.money import MAX_DIGITS
from payments.models import PaymentStatus
from refunds.inputs import MAX_IMP_UID_LENGTH, MAX_MERCHANT_UID_LENGTH, MAX_REASON_LENGTH
from refunds.models import RefundSource, RefundStatus

# No control characters and none that turn the text around, except in the white space around it, which is cut off.
_EDGE = r"[\t-\r\x1c-\x20\x85\xa0\u2028\u2029]*"
_UNFIT = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
TEXT = rf"^{_EDGE}[^{_UNFIT}]*{_EDGE}$"
VISIBLE_TEXT = rf"^{_EDGE}[^{_UNFIT}]*[^\s{_UNFIT}][^{_UNFIT}]*{_EDGE}$"
MAJOR_UNITS = "In major units of `currency`: KRW 10000, USD 12.3."


@extend_schema_field({"type": "number"})
class Amount(serializers.FloatField):
    """Money, as a JSON number."""


_BELOW = 10**MAX_DIGITS


@extend_schema_field({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": _BELOW})
class PositiveAmount(serializers.FloatField):
    """Money that is asked for; zero is an error."""


@extend_schema_field({"type": "number", "minimum": 0, "exclusiveMaximum": _BELOW})
class PartOfAmount(serializers.FloatField):
    """A part of the money that is asked for."""


@extend_schema_field({"type": "string", "pattern": TEXT})
class Text(serializers.CharField):
    """A short text as people type it; it may be empty."""


@extend_schema_field({"type": "string", "minLength": 1, "pattern": VISIBLE_TEXT})
class Uid(serializers.CharField):
    """A number of an order or payment."""


class Shape(serializers.Serializer[Any]):
    """Base of all shapes: a field is always there unless it says `required=False`."""


@extend_schema_serializer(component_name="RefundRequest")
class RefundRequestShape(Shape):
    """Which order, how much of it, and where the money goes. An unknown field is an error."""

    merchant_uid = Uid(
        required=False,
        max_length=MAX_MERCHANT_UID_LENGTH,
        help_text="The order. If several payments share it, the one with money left is meant.",
    )
    imp_uid = Uid(
        required=False,
        max_length=MAX_IMP_UID_LENGTH,
        help_text="The payment. It wins over `merchant_uid`, and an unknown one fails.",
    )
    cancel_request_amount = PositiveAmount(
        required=False, help_text=f"How much; absent means all that is left. {MAJOR_UNITS}"
    )
    reason = Text(required=False, max_length=MAX_REASON_LENGTH, help_text="Required by Naver Pay.")
    refund_holder = Text(required=False, max_length=50, help_text="Account holder, for virtual accounts.")
    refund_bank = Text(required=False, max_length=50, help_text="Bank, by code (`088`, `88`, `BK88`) or name.")
    refund_account = Text(required=False, max_length=50, help_text="Account number; answers show its last digits only.")
    refund_tel = Text(required=False, max_length=30, help_text="Telephone of the holder, for Smartro.")
    tax_free = PartOfAmount(required=False, help_text="Tax-free part of the amount, where the PG wants it.")
    vat_amount = PartOfAmount(required=False, help_text="VAT part of the amount, where the PG wants it.")


@extend_schema_serializer(component_name="Payment")
class PaymentShape(Shape):
    """One payment of an order."""

    imp_uid = serializers.CharField(help_text="i'mport's number of the payment.")
    merchant_uid = serializers.CharField(help_text="The shop's number of the order.")
    name = serializers.CharField(help_text="What was bought.")
    status = serializers.ChoiceField(
        PaymentStatus.values,
        help_text="i'mport's own word: already `cancelled` after a partial refund. Compare the amounts instead.",
    )
    pay_method = serializers.CharField(help_text="`card`, `trans`, `vbank`, `phone`, …")
    currency = serializers.CharField(help_text="ISO 4217.")
    amount = Amount(help_text=f"Paid. {MAJOR_UNITS}")
    cancel_amount = Amount(help_text="Refunded so far.")
    refundable_amount = Amount(help_text="Left to refund; like `amount`, before a promotion's discount.")
    paid_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(component_name="Refund")
class RefundShape(Shape):
    """One refund and what became of it."""

    id = serializers.IntegerField()
    number = serializers.CharField(help_text="The refund's number, for people.")
    imp_uid = serializers.CharField()
    merchant_uid = serializers.CharField()
    status = serializers.ChoiceField(
        RefundStatus.values,
        help_text="`requested` (being sent), `pending` (accepted, the PG carries it out later) and `unknown` "
        "(no answer; being checked) are open. `succeeded` and `failed` are final.",
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a serializer has its own `source`
        RefundSource.values, help_text="Where it was asked for. `console`: made at i'mport by others and found there."
    )
    currency = serializers.CharField(help_text="ISO 4217.")
    amount = Amount(help_text=f"Asked for. {MAJOR_UNITS}")
    cancelled_amount = Amount(allow_null=True, help_text="What i'mport gave back; null until then.")
    reason = serializers.CharField(allow_blank=True)
    refund_account_last4 = serializers.CharField(allow_blank=True, help_text="The end of the account number.")
    cancellation_id = serializers.CharField(allow_blank=True, help_text="i'mport's number of the cancellation.")
    receipt_url = serializers.CharField(allow_blank=True)
    code = serializers.CharField(allow_blank=True, help_text="Why it failed or is open; empty when it succeeded.")
    message = serializers.CharField(allow_blank=True, help_text="The same as a sentence for people.")
    requested_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(component_name="RefundedPayment")
class RefundedPaymentShape(PaymentShape):
    """The payment as it is after the refund."""

    refund = RefundShape()


@extend_schema_serializer(component_name="PendingRefund")
class PendingRefundShape(RefundedPaymentShape):
    """The payment with a refund that the PG carries out later."""

    message = serializers.CharField(help_text="A sentence for people.")
    code = serializers.ChoiceField(["pending"])


@extend_schema_serializer(component_name="RefundList", many=False)
class RefundListShape(Shape):
    """The refunds of one payment, newest first."""

    results = RefundShape(many=True)


class PageShape(Shape):
    """One page of a list, newest first; a link that is null leads nowhere any more."""

    next = serializers.URLField(allow_null=True, help_text="The older ones, with the same filters.")
    previous = serializers.URLField(allow_null=True, help_text="The newer ones, with the same filters.")


@extend_schema_serializer(component_name="PaymentPage", many=False)
class PaymentPageShape(PageShape):
    """One page of payments."""

    results = PaymentShape(many=True)


@extend_schema_serializer(component_name="RefundPage", many=False)
class RefundPageShape(PageShape):
    """One page of refunds."""

    results = RefundShape(many=True)


@extend_schema_serializer(component_name="Violation")
class ViolationShape(Shape):
    """An input or parameter that can be mended, or a rule that forbids the refund."""

    code = serializers.CharField(help_text="A stable word.")
    message = serializers.CharField(help_text="A sentence for people.")
    field = serializers.CharField(
        allow_blank=True,
        help_text="The input to mend; empty when none would help. `amount` is `cancel_request_amount`.",
    )


@extend_schema_serializer(component_name="Error")
class ErrorShape(Shape):
    """What went wrong: the same shape everywhere."""

    message = serializers.CharField(help_text="A sentence for people, in Korean or English by `Accept-Language`.")
    code = serializers.CharField(help_text="A stable word for programs.")
    retryable = serializers.BooleanField(
        help_text="Whether the same request may succeed later; then `Retry-After` says when. Not so for a refund that "
        "failed under an `Idempotency-Key`: another try needs a new key."
    )
    violations = ViolationShape(many=True, required=False, help_text="Every input, parameter or rule at fault.")
    refund = RefundShape(required=False, help_text="The record, where one was made.")
