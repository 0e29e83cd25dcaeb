"""Filters of the payment list. Their choices are fixed: reading them from the table would scan it."""

from collections.abc import Iterable

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from payments.labels import PAY_METHODS, PG_PROVIDERS
from payments.models import Payment, PaymentQuerySet, PaymentStatus

Choice = tuple[str, str | Promise]


class StatusFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    """Filter by the status staff mean: i'mport says "cancelled" after any refund, and for unpaid ones too."""

    title = _("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Payment]") -> Iterable[Choice]:
        return (
            ("paid", _("Paid")),
            ("ready", _("Waiting for payment")),
            ("failed", _("Failed")),
            ("expired", _("Cancelled unpaid")),
        )

    def queryset(self, request: HttpRequest, queryset: PaymentQuerySet) -> PaymentQuerySet:
        if self.value() == "paid":
            return queryset.ever_paid()
        if self.value() == "expired":
            return queryset.filter(status=PaymentStatus.CANCELLED, paid_at__isnull=True, cancel_amount=0)
        if self.value() in (PaymentStatus.READY, PaymentStatus.FAILED):
            return queryset.filter(status=self.value())
        return queryset


class MethodFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    title = _("method")
    parameter_name = "method"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Payment]") -> Iterable[Choice]:
        return PAY_METHODS.items()

    def queryset(self, request: HttpRequest, queryset: PaymentQuerySet) -> PaymentQuerySet:
        return queryset.filter(pay_method=self.value()) if self.value() in PAY_METHODS else queryset


class PgFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    """Filter by company: i'mport has several codes for some (old and new contracts)."""

    title = _("PG")
    parameter_name = "pg"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Payment]") -> Iterable[Choice]:
        names = {str(name): code for code, name in reversed(PG_PROVIDERS.items())}
        return sorted(((code, name) for name, code in names.items()), key=lambda choice: choice[1].casefold())

    def queryset(self, request: HttpRequest, queryset: PaymentQuerySet) -> PaymentQuerySet:
        name = PG_PROVIDERS.get(str(self.value()))
        if name is None:
            return queryset
        codes = [code for code, other in PG_PROVIDERS.items() if str(other) == str(name)]
        return queryset.filter(pg_provider__in=codes)
