"""Filters by refunds, for the payment list and the ledger."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.admin.filters import ChoiceFilter
from refunds.models import LIVE_STATUSES, RefundRecord, RefundSource, RefundStatus, RefusalClass


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
    options = {source: (label, Q(source=source)) for source, label in RefundSource.choices}


class RefusalFilter(ChoiceFilter):
    title = _("refusal")
    parameter_name = "refusal"
    options = {kind: (label, Q(refusal_class=kind)) for kind, label in RefusalClass.choices}


class NeedsReviewFilter(ChoiceFilter):
    title = _("review")
    parameter_name = "review"
    options = {"needed": (_("Needs review"), Q(needs_review=True))}
