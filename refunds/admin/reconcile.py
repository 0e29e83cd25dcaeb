"""Reconcile payments with i'mport on request of staff, and report what was found."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from core.admin.pages import staff_may
from core.admin.returning import next_of
from payments.models import Payment
from refunds.batches.create import MAX_ORDERS
from refunds.permissions import may_refund_any
from refunds.reconciliation.reconcile import ReconcileOutcome, reconcile

LEVELS: dict[ReconcileOutcome, int] = {
    "settled": messages.SUCCESS,
    "imported": messages.SUCCESS,
    "waiting": messages.WARNING,
    "taken_back": messages.WARNING,
    "not_carried_out": messages.WARNING,
    "unreachable": messages.ERROR,
    "unbookable": messages.ERROR,
}


@require_POST
@staff_may(may_refund_any)
def check(request: HttpRequest) -> HttpResponse:
    """Compare payments with i'mport, repair the ledger and go back. Requests no refund."""
    payments = Payment.objects.filter(pk__in=payment_ids(request.POST.get("ids", ""))[:MAX_ORDERS])
    report_check(request, payments)
    return HttpResponseRedirect(next_of(request) or reverse("admin:payments_payment_changelist"))


def report_check(request: HttpRequest, payments: QuerySet[Payment]) -> None:
    """Reconcile these payments; add a message for each that was not as here, and one for all that agree."""
    agree = []
    for found in reconcile(payments=payments):
        text = f"{found.payment.merchant_uid}: {found.message}"
        if found.outcome == "agrees":
            agree.append(text)
        else:
            messages.add_message(request, LEVELS[found.outcome], text, extra_tags=found.outcome)
    if agree:
        summary = ngettext("%(count)s agrees with i'mport.", "%(count)s agree with i'mport.", len(agree))
        text = agree[0] if len(agree) == 1 else summary % {"count": len(agree)}
        messages.success(request, text, extra_tags="agrees")


def payment_ids(text: str) -> list[int]:
    """Return the payment ids in "1,2,3" without duplicates; ignore everything that is not an id."""
    words = [word for word in text.split(",") if word.isascii() and word.isdigit() and len(word) <= 18]
    return list(dict.fromkeys(map(int, words)))
