"""Describe the statements for OpenAPI."""

from datetime import date
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from refunds.api.openapi import parameters
from refunds.api.openapi.error_examples import ONE_STATEMENT, STATEMENTS, error_answers
from refunds.api.openapi.examples import written
from refunds.models import MovementKind
from refunds.serialization import Amount
from refunds.statements.as_json import statement_json
from refunds.statements.comparison import Comparison
from refunds.statements.lines import Line, Movements, Sums
from refunds.statements.read import Statement

STATES = {
    "running": "The month is not over.",
    "next": "It is over, and the next one to be closed.",
    "open": "It is over, and an earlier month has to be closed first.",
    "closed": "Closed: it never changes again.",
}


class SumsSerializer(serializers.Serializer[Any]):
    """How many, and how much together."""

    count = serializers.IntegerField()
    amount = Amount()


class MovementsSerializer(SumsSerializer):
    """The payments, refunds or reversals of the month."""

    earlier = SumsSerializer(
        help_text="Those of them with a date in an earlier month, which was closed before they were booked."
    )


class StatementTotalSerializer(serializers.Serializer[Any]):
    """The sum of a currency. Amounts are in major units of it, `fee` is in won."""

    currency = serializers.CharField(help_text="ISO 4217.")
    paid = MovementsSerializer(help_text="By `paid_at`.")
    refunded = MovementsSerializer(help_text="By `cancelled_at`.")
    reversed = MovementsSerializer(help_text="Refunds that i'mport took back, by the day this was accepted.")
    net = Amount(help_text="Paid less refunded, plus reversed.")
    supply = Amount(help_text="The supply amount in what was refunded less what was reversed.")
    vat = Amount(help_text="The VAT in it.")
    tax_free = Amount(help_text="The tax-free part of it.")
    unknown = Amount(help_text="The rest of it, whose parts are not known.")
    fee = Amount(help_text="What the transfers of refunds cost the shop, in won: computed from `VBANK_REFUND_FEE`.")
    open = SumsSerializer(help_text="Refunds requested before the end of the month and not settled by then.")


class StatementLineSerializer(StatementTotalSerializer):
    """What one PG moved by one method in one currency."""

    pg_provider = serializers.CharField()
    pay_method = serializers.CharField()


class ComparedSumSerializer(serializers.Serializer[Any]):
    """What is refunded of the compared payments, whatever the day."""

    currency = serializers.CharField()
    here = Amount()
    at_iamport = Amount()
    difference = Amount(help_text="At i'mport less here.")


class ComparisonSerializer(serializers.Serializer[Any]):
    """The last comparison of the whole month with i'mport."""

    at = serializers.DateTimeField(allow_null=True, help_text="Null: the month was not compared.")
    agrees = serializers.BooleanField()
    differing = serializers.IntegerField(help_text="Payments that still differ.")
    refunded = ComparedSumSerializer(many=True)


class StatementMonthSerializer(serializers.Serializer[Any]):
    """A month in Asia/Seoul."""

    month = serializers.RegexField(r"^\d{4}-\d{2}$")
    state = serializers.ChoiceField(
        list(STATES), help_text=" ".join(f"`{state}`: {means}" for state, means in STATES.items())
    )
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.CharField()
    note = serializers.CharField()
    despite_difference = serializers.BooleanField(
        help_text="It was closed although it did not agree with i'mport, or was not compared."
    )


class StatementListSerializer(serializers.Serializer[Any]):
    """The months, newest first."""

    results = StatementMonthSerializer(many=True)


class StatementSerializer(StatementMonthSerializer):
    """What was paid, refunded and reversed in a month."""

    lines = StatementLineSerializer(many=True)
    totals = StatementTotalSerializer(many=True, help_text="By currency.")
    comparison = ComparisonSerializer()


_MONTH = OpenApiParameter(
    "month",
    {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}$"},
    OpenApiParameter.PATH,
    description="Such as `2026-10`; not later than this month.",
)


def _example() -> dict[str, Any]:
    won = Decimal(11_000)
    moved = {
        MovementKind.PAID.value: Movements(Sums(3, 9 * won)),
        MovementKind.REFUNDED.value: Movements(Sums(1, won), Sums(), Decimal(300), won, won / 11, Decimal(0)),
    }
    line = Line("nice", "vbank", "KRW", **moved)  # type: ignore[arg-type]
    month = date(2026, 10, 1)
    shown: dict[str, Any] = written(statement_json(Statement(month, (line,), Comparison(), first_open=month)))
    return {**shown, "state": "next"}


EXAMPLE = _example()
_OF_LIST = {name: EXAMPLE[name] for name in StatementMonthSerializer().get_fields()}

list_statements = extend_schema(
    operation_id="listStatements",
    tags=["statements"],
    summary="List the months",
    description="From the first payment to this month, newest first. For staff who may view reconciliation reports.",
    parameters=parameters.HEADERS_OF_ALL,
    responses={
        200: OpenApiResponse(
            StatementListSerializer,
            description="Found.",
            examples=[OpenApiExample("One month", value={"results": [_OF_LIST]})],
        )
    }
    | error_answers(*STATEMENTS),
)
get_statement = extend_schema(
    operation_id="getStatement",
    tags=["statements"],
    summary="Get the statement of a month",
    description="Test payments count nowhere. Until the month is closed, the amounts may change.",
    parameters=[_MONTH, *parameters.HEADERS_OF_ALL],
    responses={
        200: OpenApiResponse(
            StatementSerializer, description="Found.", examples=[OpenApiExample("A month to close", value=EXAMPLE)]
        )
    }
    | error_answers(*ONE_STATEMENT),
)
