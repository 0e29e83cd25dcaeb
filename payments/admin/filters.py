"""Filters of the payment list."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.filters import ChoiceFilter, Label, OptionFilter, SeoulDateFilter
from core.money import is_currency
from payments.labels import PAY_METHODS, PG_PROVIDERS, PaymentState
from payments.models import Payment, PaymentQuerySet, PaymentStatus

OTHER = "other"  # a method or PG that we have no name for
EVER_PAID = "ever_paid"
Options = Mapping[str, tuple[Label, Q | Callable[[Any], QuerySet[Any]]]]

_IN_STATE: dict[PaymentState, Q | Callable[[PaymentQuerySet], PaymentQuerySet]] = {
    PaymentState.PAID: lambda payments: payments.ever_paid().filter(cancel_amount=0),
    PaymentState.PARTLY_REFUNDED: lambda payments: payments.refundable().filter(cancel_amount__gt=0),
    PaymentState.REFUNDED: Q(cancel_amount__gt=0, cancel_amount__gte=F("amount") - F("lapsed_discount")),
    PaymentState.READY: Q(status=PaymentStatus.READY),
    PaymentState.PENDING: Q(status=PaymentStatus.PENDING),
    PaymentState.FAILED: Q(status=PaymentStatus.FAILED),
    PaymentState.UNPAID: Q(status=PaymentStatus.CANCELLED, paid_at__isnull=True, cancel_amount=0),
    PaymentState.UNKNOWN: ~Q(status__in=PaymentStatus.values),
}


class StatusFilter(ChoiceFilter):
    """Filter by the status that the list shows: i'mport says "cancelled" after any refund, and for unpaid ones too."""

    title = _("status")
    parameter_name = "state"
    options = {
        **{state.value: (state.label, _IN_STATE[state]) for state in PaymentState},
        EVER_PAID: (_("Paid, refunded or not"), lambda payments: payments.ever_paid()),
    }


def method_options(payment: str = "") -> Options:
    """Return the methods to choose from. `payment` leads from the rows to their payment: "payment__"."""
    name = f"{payment}pay_method"
    others = ~Q(**{f"{name}__in": list(PAY_METHODS)})
    known = {method: (label, Q(**{name: method})) for method, label in PAY_METHODS.items()}
    return {**known, OTHER: (_("Other"), others)}


class MethodFilter(ChoiceFilter):
    title = _("method")
    parameter_name = "method"
    options = method_options()


def pg_company(code: str) -> str:
    """Return the code that stands for all codes of this PG's company; `OTHER` for an unknown code."""
    name = str(PG_PROVIDERS.get(code, ""))
    return next((one for one, label in PG_PROVIDERS.items() if str(label) == name), OTHER)


class PgFilter(OptionFilter):
    """Filter by company: i'mport has several codes for some (old and new contracts)."""

    title = _("PG")
    parameter_name = "pg"
    payment = ""  # leads from the rows to their payment

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Label]]:
        names = {str(name): code for code, name in reversed(PG_PROVIDERS.items())}
        known = sorted(((code, name) for name, code in names.items()), key=lambda choice: choice[1].casefold())
        return [*known, (OTHER, _("Other"))]

    def is_option(self, value: str) -> bool:
        return value in PG_PROVIDERS or value == OTHER

    def keep(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        name = f"{self.payment}pg_provider__in"
        if value == OTHER:
            return queryset.exclude(**{name: list(PG_PROVIDERS)})
        return queryset.filter(**{name: [code for code in PG_PROVIDERS if pg_company(code) == pg_company(value)]})


class CurrencyFilter(OptionFilter):
    """Filter by currency. It is shown once a link sets it: most shops have one currency."""

    title = _("currency")
    parameter_name = "currency"
    payment = ""  # leads from the rows to their payment

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Label]]:
        return [(str(self.value()), str(self.value()))] if self.value() else []

    def has_output(self) -> bool:
        return bool(self.value())

    def is_option(self, value: str) -> bool:
        return is_currency(value)

    def keep(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.payment}currency": value})


class TestFilter(ChoiceFilter):
    """Filter by channel: a test payment is not real money."""

    title = _("channel")
    parameter_name = "test"
    options = {"no": (_("Real payments"), Q(sandbox=False)), "yes": (_("Test payments"), Q(sandbox=True))}


class PaidFilter(SeoulDateFilter):
    """Filter by the day of payment."""

    def between(self, queryset: QuerySet[Payment], start: datetime | None, end: datetime | None) -> QuerySet[Payment]:
        return cast(PaymentQuerySet, queryset).paid_between(start, end)
