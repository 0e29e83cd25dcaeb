"""Filters of the payment list."""

from collections.abc import Callable
from datetime import datetime
from typing import cast

from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.filters import ChoiceFilter, Label, OptionFilter, SeoulDateFilter
from payments.labels import PAY_METHODS, PG_PROVIDERS, PaymentState
from payments.models import Payment, PaymentQuerySet, PaymentStatus

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
    options = {state.value: (state.label, _IN_STATE[state]) for state in PaymentState}


class MethodFilter(ChoiceFilter):
    title = _("method")
    parameter_name = "method"
    options = {method: (label, Q(pay_method=method)) for method, label in PAY_METHODS.items()}


class PgFilter(OptionFilter):
    """Filter by company: i'mport has several codes for some (old and new contracts)."""

    title = _("PG")
    parameter_name = "pg"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Label]]:
        names = {str(name): code for code, name in reversed(PG_PROVIDERS.items())}
        return sorted(((code, name) for name, code in names.items()), key=lambda choice: str(choice[1]).casefold())

    def is_option(self, value: str) -> bool:
        return value in PG_PROVIDERS

    def keep(self, queryset: QuerySet[Payment], value: str) -> QuerySet[Payment]:
        codes = [code for code, name in PG_PROVIDERS.items() if str(name) == str(PG_PROVIDERS[value])]
        return queryset.filter(pg_provider__in=codes)


class TestFilter(ChoiceFilter):
    """Filter by channel: a test payment is not real money."""

    title = _("channel")
    parameter_name = "test"
    options = {"no": (_("Real payments"), Q(sandbox=False)), "yes": (_("Test payments"), Q(sandbox=True))}


class PaidFilter(SeoulDateFilter):
    """Filter by the day of payment."""

    def between(self, queryset: QuerySet[Payment], start: datetime | None, end: datetime | None) -> QuerySet[Payment]:
        return cast(PaymentQuerySet, queryset).paid_between(start, end)
