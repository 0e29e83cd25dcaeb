"""Filters by refunds, for the payment list and the ledger."""

from collections.abc import Iterable

from django.contrib.admin import ModelAdmin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from payments.models import Payment, PaymentQuerySet
from refunds.models import LIVE_STATUSES, RefundRecord, RefundSource, RefundStatus

Choice = tuple[str, str | Promise]


class RefundStateFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    """Filter payments by the state of their refunds."""

    title = _("refund")
    parameter_name = "refund"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Payment]") -> Iterable[Choice]:
        return (
            ("none", _("Not refunded")),
            ("partial", _("Partly refunded")),
            ("full", _("Refunded in full")),
            ("in_progress", _("Refund in progress")),
            ("attention", _("Outcome unknown or needs review")),
            ("failed", _("A refund failed")),
        )

    def queryset(self, request: HttpRequest, queryset: PaymentQuerySet) -> PaymentQuerySet:
        records = RefundRecord.objects.all()
        match self.value():
            case "none":
                return queryset.ever_paid().filter(cancel_amount=0)
            case "partial":
                return queryset.refundable().filter(cancel_amount__gt=0)
            case "full":
                return queryset.filter(cancel_amount__gt=0, cancel_amount__gte=F("amount") - F("lapsed_discount"))
            case "in_progress":
                return _having(queryset, records.live().exclude(status=RefundStatus.UNKNOWN))
            case "attention":
                unknown = records.live().filter(status=RefundStatus.UNKNOWN)
                return _having(queryset, unknown) | _having(queryset, records.filter(needs_review=True))
            case "failed":
                return _having(queryset, records.filter(status=RefundStatus.FAILED))
            case _:
                return queryset


def _having(payments: PaymentQuerySet, records: QuerySet[RefundRecord]) -> PaymentQuerySet:
    return payments.filter(pk__in=records.order_by().values("payment"))


class _FieldFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    """Filter by one value of a field with fixed choices."""

    choices_of_field: Iterable[Choice]

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[RefundRecord]") -> Iterable[Choice]:
        return self.choices_of_field

    def queryset(self, request: HttpRequest, queryset: QuerySet[RefundRecord]) -> QuerySet[RefundRecord]:
        known = {value for value, _name in self.choices_of_field}
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() in known else queryset


class RefundStatusFilter(_FieldFilter):
    title = _("status")
    parameter_name = "status"
    choices_of_field = RefundStatus.choices

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[RefundRecord]") -> Iterable[Choice]:
        return (("open", _("All open refunds")), *self.choices_of_field)

    def queryset(self, request: HttpRequest, queryset: QuerySet[RefundRecord]) -> QuerySet[RefundRecord]:
        return (
            queryset.filter(status__in=LIVE_STATUSES) if self.value() == "open" else super().queryset(request, queryset)
        )


class SourceFilter(_FieldFilter):
    title = _("source")
    parameter_name = "source"
    choices_of_field = RefundSource.choices


class NeedsReviewFilter(DropdownFilter):  # type: ignore[misc]  # the theme ships no types
    title = _("review")
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[RefundRecord]") -> Iterable[Choice]:
        return (("needed", _("Needs review")),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[RefundRecord]) -> QuerySet[RefundRecord]:
        return queryset.filter(needs_review=True) if self.value() == "needed" else queryset
