"""Filters by refunds, for the payment list and the ledger."""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from access.models import ApiToken
from core.admin.filters import ChoiceFilter, Label, OptionFilter, SeoulDateFilter
from payments.admin.filters import CurrencyFilter, PgFilter, method_options
from refunds.ledger import late_refunds
from refunds.models import (
    LIVE_STATUSES,
    ApprovalStatus,
    Fault,
    RefundApproval,
    RefundReason,
    RefundRecord,
    RefundRecordQuerySet,
    RefundSource,
    RefundStatus,
    RefusalClass,
)

NONE = "none"  # the rows that have no such value
HERE = "here"
_MOST = 200  # names to choose from


def _having(condition: Q) -> Q:
    """Return the condition for payments that have such a refund. Of two such, the database would read all payments."""
    return Q(pk__in=RefundRecord.objects.filter(condition).order_by().values("payment"))


class RefundStateFilter(ChoiceFilter):
    """Filter payments by the state of their refunds."""

    title = _("refund")
    parameter_name = "refund"
    options = {
        "in_progress": (
            _("Refund in progress"),
            _having(Q(status__in=[status for status in LIVE_STATUSES if status != RefundStatus.UNKNOWN])),
        ),
        "awaiting": (
            ApprovalStatus.WAITING.label,
            Q(pk__in=RefundApproval.objects.waiting().of_payments().order_by().values("payment")),
        ),
        "attention": (
            _("Outcome unknown or needs review"),
            _having(Q(status=RefundStatus.UNKNOWN) | Q(needs_review=True)),
        ),
        "taken_back": (_("Taken back at i'mport"), Q(taken_back_seen_at__isnull=False)),
        "failed": (_("A refund failed"), _having(Q(status=RefundStatus.FAILED))),
    }


class RefundStatusFilter(ChoiceFilter):
    title = _("status")
    parameter_name = "status"
    options = {
        "open": (_("All open refunds"), Q(status__in=LIVE_STATUSES)),
        **{status: (label, Q(status=status)) for status, label in RefundStatus.choices},
        "reversed": (_("Reversed"), Q(reversed_amount__gt=0)),
    }


class TestFilter(ChoiceFilter):
    title = _("channel")
    parameter_name = "test"
    options = {
        "no": (_("Real payments"), Q(payment__sandbox=False)),
        "yes": (_("Test payments"), Q(payment__sandbox=True)),
    }


class SourceFilter(ChoiceFilter):
    title = _("source")
    parameter_name = "source"
    options = {
        **{source: (label, Q(source=source)) for source, label in RefundSource.choices},
        HERE: (_("All but the i'mport console"), ~Q(source=RefundSource.CONSOLE)),
    }


class RefusalFilter(ChoiceFilter):
    title = _("refusal")
    parameter_name = "refusal"
    options = {
        **{kind: (label, Q(refusal_class=kind)) for kind, label in RefusalClass.choices},
        NONE: (_("No refusal"), Q(refusal_class="")),
    }


class ArrivalFilter(ChoiceFilter):
    title = _("arrival")
    parameter_name = "arrival"
    options = {"late": (_("Late"), late_refunds)}


class NeedsReviewFilter(ChoiceFilter):
    title = _("review")
    parameter_name = "review"
    options = {"needed": (_("Needs review"), Q(needs_review=True))}


class RefundMethodFilter(ChoiceFilter):
    title = _("method")
    parameter_name = "method"
    options = method_options("payment__")


class RefundPgFilter(PgFilter):
    payment = "payment__"


class RefundCurrencyFilter(CurrencyFilter):
    payment = "payment__"


class FaultFilter(ChoiceFilter):
    title = pgettext_lazy("refund", "fault")
    parameter_name = "fault"
    options = {
        **{fault: (label, Q(fault=fault)) for fault, label in Fault.choices},
        NONE: (_("Not stated"), Q(fault="")),
    }


def reason_names(codes: Iterable[str]) -> dict[str, str]:
    """Return the names of these reasons in the active language; of a deleted one, as its last refund has it."""
    wanted = set(codes) - {""}
    names = {reason.code: str(reason) for reason in RefundReason.objects.filter(code__in=wanted)}
    for code in wanted - set(names):
        last = RefundRecord.objects.filter(reason_code=code).order_by("-requested_at").first()
        names[code] = last.reason_name if last else code
    return names


class ReasonFilter(OptionFilter):
    """Filter by the chosen reason. Refunds may have one that the shop has deleted from its list since."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Label]]:
        listed = [(reason.code, str(reason)) for reason in RefundReason.objects.all()]
        chosen = str(self.value() or "")
        if chosen and chosen != NONE and chosen not in dict(listed):
            found = RefundRecord.objects.filter(reason_code=chosen).exists()
            listed += reason_names([chosen]).items() if found else ()
        return [*listed, (NONE, _("No reason chosen"))]

    def keep(self, queryset: QuerySet[RefundRecord], value: str) -> QuerySet[RefundRecord]:
        return queryset.filter(reason_code="" if value == NONE else value)


class PersonFilter(OptionFilter):
    """Filter by the account that asked: the staff to choose from, and any other that a link names."""

    title = _("requested by")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Label]]:
        staff = User.objects.filter(is_staff=True).order_by("username")
        names = dict(staff.values_list("pk", "username")[:_MOST])
        chosen = str(self.value() or "")
        if chosen.isdecimal() and len(chosen) < len(str(2**63)) and int(chosen) not in names:
            names |= dict(User.objects.filter(pk=chosen).values_list("pk", "username"))
        return [*((str(pk), name) for pk, name in names.items()), (NONE, _("No account"))]

    def keep(self, queryset: QuerySet[RefundRecord], value: str) -> QuerySet[RefundRecord]:
        return queryset.filter(requested_by=None if value == NONE else int(value))


class TokenFilter(OptionFilter):
    title = _("API token")
    parameter_name = "token"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Label]]:
        tokens = ApiToken.objects.order_by("name", "pk").values_list("pk", "name")
        return [*((str(pk), name) for pk, name in tokens), (NONE, _("No API token"))]

    def keep(self, queryset: QuerySet[RefundRecord], value: str) -> QuerySet[RefundRecord]:
        return queryset.filter(api_token=None if value == NONE else int(value))


class RefundedFilter(SeoulDateFilter):
    """Filter by the day of the refund, as the overview counts it."""

    def between(
        self, queryset: QuerySet[RefundRecord], start: datetime | None, end: datetime | None
    ) -> QuerySet[RefundRecord]:
        return cast(RefundRecordQuerySet, queryset).refunded_between(start, end)
