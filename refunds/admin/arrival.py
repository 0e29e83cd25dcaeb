"""When the money of a refund usually arrives, on its page, and the buttons that note that it did not, or did."""

from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from core.admin.pages import StaffRequest, staff_may
from core.permissions import AnyUser
from payments.labels import pg_label
from refunds.errors import NotLateYet
from refunds.inputs import Actor
from refunds.ledger import ArrivalStanding, arrival_standing
from refunds.models import RefundEvent, RefundRecord
from refunds.permissions import may_refund_any
from refunds.services.arrival import NOT_RECEIVED, mark_not_received, mark_received


@dataclass(frozen=True, slots=True)
class ArrivalCard:
    """Hold what the page says about the money. `missed`: the event by which the buyer said that nothing came."""

    usually: str
    missed: RefundEvent | None
    advice: str
    url: str
    mark: str  # what the button notes; empty: no button


def arrival_card(user: AnyUser, refund: RefundRecord) -> ArrivalCard | None:
    """Return the card of a refund that was made; None for all others."""
    standing = arrival_standing(refund)
    if standing is None:
        return None
    is_missed = refund.not_received_at is not None
    mark = ("received" if is_missed else "not_received") if is_missed or standing.may_be_missed else ""
    return ArrivalCard(
        usually=_usually(standing, refund),
        missed=refund.events.filter(code=NOT_RECEIVED).last() if is_missed else None,
        advice=_advice(standing, refund),
        url=reverse("admin:refunds_refundrecord_arrival", args=[refund.pk]),
        mark=mark if may_refund_any(user) else "",
    )


def _usually(standing: ArrivalStanding, refund: RefundRecord) -> str:
    days, latest = standing.days, refund.expected_by
    if latest is None:
        return _("Nobody says when this money arrives.")
    if days is None or days.earliest >= latest:
        return _day(latest)
    return pgettext("days", "%(first)s to %(last)s") % {"first": _day(days.earliest), "last": _day(latest)}


def _day(day: date) -> str:
    is_this_year = day.year == timezone.localdate().year
    return date_format(day, "MONTH_DAY_FORMAT" if is_this_year else "DATE_FORMAT")


def _advice(standing: ArrivalStanding, refund: RefundRecord) -> str:
    if refund.not_received_at is None or not standing.ask_pg:
        return ""
    pg = pg_label(refund.payment.pg_provider) or _("the PG")
    if not refund.pg_tid:
        return _("Ask %(pg)s what became of the money.") % {"pg": pg}
    return _("Ask %(pg)s what became of the money, with the PG transaction %(number)s.") % {
        "pg": pg,
        "number": refund.pg_tid,
    }


@require_POST
@staff_may(may_refund_any)
def arrival(request: StaffRequest, pk: int) -> HttpResponse:
    """Note that the buyer has not received the money, or has, and go back to the refund."""
    refund = get_object_or_404(RefundRecord.objects.select_related("payment"), pk=pk)
    try:
        _mark(refund, request.user, request.POST.get("mark", ""))
    except NotLateYet as exc:
        messages.error(request, exc.message, extra_tags=exc.code)
    else:
        messages.success(request, _("Noted."), extra_tags="arrival_noted")
    return HttpResponseRedirect(reverse("admin:refunds_refundrecord_change", args=[refund.pk]))


def _mark(refund: RefundRecord, user: User, mark: str) -> None:
    actor = Actor(user.get_username(), user)
    if mark == "received":
        mark_received(refund=refund, actor=actor)
    else:
        mark_not_received(refund=refund, actor=actor)
