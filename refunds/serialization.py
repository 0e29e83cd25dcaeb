"""Write payments, refunds and errors as JSON: the same for the API, the events and the command line.

The OpenAPI description takes its components from these serializers.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.errors import DomainError
from core.money import format_money, quantize
from payments.models import Payment, PaymentStatus
from refunds.errors import Violation
from refunds.messages import message_of, next_step_of
from refunds.models import (
    ApprovalStatus,
    ClosedCode,
    Fault,
    RefundApproval,
    RefundRecord,
    RefundReversal,
    RefundSource,
    RefundStatus,
    RefusalClass,
)
from refunds.services.preview import RefundPreview

Json = dict[str, Any]
MAJOR_UNITS = "In major units of `currency`: KRW 10000, USD 12.3."


@extend_schema_field({"type": "number"})
class Amount(serializers.FloatField):
    """Money as a JSON number, with the precision of the object's `currency`."""


class RefundMessage(serializers.CharField):
    """The state of a refund in words, in the active language."""


class RefusalSerializer(serializers.Serializer[Any]):
    """Why i'mport refused, as far as its text tells. A hint: the payment's amounts say whether money moved."""

    next_step = serializers.CharField(help_text="What staff do next, as a sentence.")

    def get_fields(self) -> Json:
        """Return the fields; one is named like a keyword of Python."""
        word = serializers.ChoiceField(RefusalClass.values, help_text="A stable word; `other` if no text is known.")
        return {"class": word, **super().get_fields()}

    def to_representation(self, instance: RefundRecord) -> Json:
        return {"class": instance.refusal_class or RefusalClass.OTHER.value, "next_step": next_step_of(instance)}


class RowSerializer(serializers.Serializer[Any]):
    """Write the rows of lists: read each attribute as it is, five times faster than DRF does."""

    def to_representation(self, instance: Any) -> Json:
        return {name: read(instance) for name, read in self._readers}

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any], Any]]]:
        return [(name, self._reader(field)) for name, field in self.fields.items()]

    def _reader(self, field: "serializers.Field[Any, Any, Any, Any]") -> Callable[[Any], Any]:
        if isinstance(field, RefundMessage):
            return message_of
        if isinstance(field, RefusalSerializer):
            return lambda row: field.to_representation(row) if row.refusal_class else None
        value_of = attrgetter(str(field.source))
        if not isinstance(field, Amount):
            return value_of
        currency_of = attrgetter(str(self.fields["currency"].source))
        return lambda row: exact_number(value_of(row), currency_of(row))


def exact_number(amount: Decimal | None, currency: str) -> int | float | None:
    """An amount as a JSON number. `float` only writes it: its shortest form is the exact text."""
    if amount is None:
        return None
    exact = quantize(amount, currency)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


class PaymentSerializer(RowSerializer):
    """One payment of an order."""

    imp_uid = serializers.CharField(help_text="i'mport's number of the payment.")
    merchant_uid = serializers.CharField(help_text="The shop's number of the order.")
    name = serializers.CharField(help_text="What was bought.")
    status = serializers.CharField(
        help_text=f"i'mport's own word: {', '.join(f'`{word}`' for word in PaymentStatus.values)}, or one that it adds "
        "later. Already `cancelled` after a partial refund: compare the amounts instead.",
    )
    pay_method = serializers.CharField(help_text="`card`, `trans`, `vbank`, `phone`, …")
    currency = serializers.CharField(help_text="ISO 4217.")
    amount = Amount(help_text=f"Paid. {MAJOR_UNITS}")
    cancel_amount = Amount(help_text="Refunded so far, without what was taken back.")
    refundable_amount = Amount(help_text="Left to refund; like `amount`, before a promotion's discount.")
    paid_at = serializers.DateTimeField(allow_null=True)
    sandbox = serializers.BooleanField(help_text="Paid through a test channel: not real money. Leave it out of sums.")


class RefundSerializer(RowSerializer):
    """One refund and its state."""

    id = serializers.IntegerField()
    number = serializers.CharField(help_text="The refund's number, for people.")
    imp_uid = serializers.CharField(source="payment.imp_uid")
    merchant_uid = serializers.CharField(source="payment.merchant_uid")
    status = serializers.ChoiceField(
        RefundStatus.values,
        help_text="`requested` (being sent), `pending` (accepted, the PG executes it later) and `unknown` (no answer; "
        "being checked) are open. `succeeded` and `failed` are final.",
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a serializer has its own `source`
        RefundSource.values,
        help_text="Where it was requested. `console`: cancelled in i'mport's console and imported from there.",
    )
    currency = serializers.CharField(source="payment.currency", help_text="ISO 4217.")
    amount = Amount(help_text=f"Requested. {MAJOR_UNITS}")
    cancelled_amount = Amount(allow_null=True, help_text="What i'mport refunded; null until then.")
    reversed_amount = Amount(help_text="The part of it that was taken back: it is not refunded.")
    reason = serializers.CharField(help_text="The free text, which the buyer can read.")
    reason_code = serializers.CharField(help_text="The reason that was chosen of the shop's list; empty: none.")
    reason_name = serializers.CharField(help_text="Its name then, in Korean or English by `Accept-Language`.")
    fault = serializers.ChoiceField(
        ["", *Fault.values], help_text="Who caused the refund, as that reason said then; empty: not known."
    )
    refund_account_last4 = serializers.CharField(help_text="The last digits of the account number.")
    cancellation_id = serializers.CharField(help_text="i'mport's number of the cancellation.")
    receipt_url = serializers.CharField()
    code = serializers.CharField(source="error_code", help_text="Why it failed or is open; empty when it succeeded.")
    message = RefundMessage(help_text="The same as a sentence for people.")
    requested_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    expected_by = serializers.DateField(
        allow_null=True,
        help_text="The day in Korea by which the money usually arrives; never a promise. Null while the refund is open "
        "and where nobody says.",
    )
    sandbox = serializers.BooleanField(source="payment.sandbox", help_text="A refund of a test payment.")
    refusal = RefusalSerializer(allow_null=True, help_text="Why i'mport refused; null if it did not.")


class ReasonSerializer(RowSerializer):
    """A reason that a refund can have."""

    code = serializers.CharField(help_text="What to send as `reason_code`.")
    name = serializers.CharField(source="frozen.name", help_text="In Korean or English, by `Accept-Language`.")
    name_ko = serializers.CharField()
    name_en = serializers.CharField()
    fault = serializers.ChoiceField(["", *Fault.values], help_text="Who caused the refund; empty: it differs.")
    needs_note = serializers.BooleanField(help_text="Whether `reason`, the free text, must be sent too.")


class ApprovalSerializer(RowSerializer):
    """One request for a refund that a second person decides."""

    number = serializers.CharField(help_text="The request's number, for people.")
    status = serializers.ChoiceField(
        ApprovalStatus.values,
        help_text="`waiting` until a second person decides it in the admin. The others are final, and only `approved` "
        "has a refund.",
    )
    closed_code = serializers.ChoiceField(
        ["", *ClosedCode.values], help_text="Why it is `expired` or `withdrawn`; empty for the others."
    )
    imp_uid = serializers.CharField(source="payment.imp_uid")
    merchant_uid = serializers.CharField(source="payment.merchant_uid")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a serializer has its own `source`
        RefundSource.values, help_text="Where it was requested."
    )
    currency = serializers.CharField(help_text="ISO 4217.")
    amount = Amount(help_text=f"What will be refunded. {MAJOR_UNITS}")
    reason = serializers.CharField(help_text="The free text, which the buyer can read.")
    reason_code = serializers.CharField(help_text="The reason that was chosen of the shop's list; empty: none.")
    reason_name = serializers.CharField(help_text="Its name then, in Korean or English by `Accept-Language`.")
    refund_account_last4 = serializers.CharField(help_text="The last digits of the account number.")
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="It ends then, if nobody has decided it.")
    decided_at = serializers.DateTimeField(allow_null=True, help_text="When it ended; null while it waits.")
    refund = serializers.CharField(
        source="refund_number", allow_null=True, help_text="The number of its refund, once it is approved."
    )
    sandbox = serializers.BooleanField(source="payment.sandbox", help_text="A refund of a test payment.")


class ReversalSerializer(RowSerializer):
    """One refund, or a part of it, that was taken back; `webhooks.openapi` describes it."""

    refund = serializers.CharField(source="refund.number")
    currency = serializers.CharField(source="refund.payment.currency")
    amount = Amount()
    seen_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class ViolationSerializer(serializers.Serializer[Any]):
    """An input or parameter to fix, or a rule that forbids the refund."""

    code = serializers.CharField(help_text="A stable word.")
    message = serializers.CharField(help_text="A sentence for people.")
    field = serializers.CharField(
        help_text="The input to fix; empty when none would help. `amount` is `cancel_request_amount`."
    )


class ErrorSerializer(serializers.Serializer[Any]):
    """An error, in one form for all errors. Optional fields are there where the error has them."""

    message = serializers.CharField(help_text="A sentence for people, in Korean or English by `Accept-Language`.")
    code = serializers.CharField(help_text="A stable word for programs.")
    retryable = serializers.BooleanField(
        help_text="Whether the same request may succeed later; then `Retry-After` says when. Not so for a refund that "
        "failed under an `Idempotency-Key`: another try needs a new key."
    )
    violations = ViolationSerializer(many=True, required=False, help_text="Every input, parameter or rule at fault.")
    warnings = ViolationSerializer(
        many=True, required=False, help_text="`confirmation_required`: what to confirm, by their codes in `confirm`."
    )
    refund = RefundSerializer(required=False, help_text="The record, where one was made.")
    approval = ApprovalSerializer(required=False, help_text="The request for approval, where there is one.")
    refusal = RefusalSerializer(required=False, help_text="Why i'mport refused, where it did.")


# A serializer copies and binds its fields when it is made: once is enough.
_PAYMENT, _REFUND, _REVERSAL = PaymentSerializer(), RefundSerializer(), ReversalSerializer()
_APPROVAL = ApprovalSerializer()
_VIOLATION, _VIOLATIONS, _ERROR = ViolationSerializer(), ViolationSerializer(many=True), ErrorSerializer()


def payment_json(payment: Payment) -> Json:
    """A payment as the storefront sees it."""
    return _PAYMENT.to_representation(payment)


def refund_json(refund: RefundRecord) -> Json:
    """A refund as the storefront sees it; of the account only the last digits."""
    return _REFUND.to_representation(refund)


def reversal_json(reversal: RefundReversal) -> Json:
    """A reversal as the storefront sees it, without the staff's names and words."""
    return _REVERSAL.to_representation(reversal)


def approval_json(approval: RefundApproval) -> Json:
    """A request for approval of one refund as the storefront sees it, without the staff's names and words."""
    return _APPROVAL.to_representation(approval)


def error_json(exc: DomainError) -> Json:
    """The body of a domain error."""
    return _ERROR.to_representation(exc)


def warnings_json(warnings: Sequence[Violation]) -> list[Json]:
    """Hold one warning that was shown before the refund was sent."""
    return [_VIOLATION.to_representation(warning) for warning in warnings]


def preview_json(preview: RefundPreview) -> Json:
    """The preview of one refund. Nothing has been sent."""
    payment = preview.payment
    amount = format_money(preview.amount, payment.currency)
    if preview.problems:
        message = " ".join(problem.message for problem in preview.problems)
    else:
        left = format_money(payment.refundable_amount, payment.currency)
        message = _("%(amount)s of %(left)s would be refunded.") % {"amount": amount, "left": left}
    return {
        "ok": not preview.problems,
        "code": preview.problems[0].code if preview.problems else "",
        "message": message,
        "violations": _VIOLATIONS.to_representation(preview.problems),
        "warnings": warnings_json(preview.warnings),
        "payment": payment_json(payment),
    }
