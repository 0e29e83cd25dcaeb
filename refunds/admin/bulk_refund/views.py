"""The page that confirms the refund of up to 50 selected orders. Money moves on POST only."""

import uuid
from collections.abc import Sequence
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.admin.pages import StaffRequest, admin_page, staff_may
from core.admin.returning import NEXT, next_of, with_next
from core.queue import enqueue
from payments.models import Payment
from refunds.admin.bulk_refund.confirmation import (
    Confirmation,
    Notice,
    has_blocked_selection,
    initial_page,
    submitted_page,
)
from refunds.admin.bulk_refund.typed import forget_typed, keep_typed, typed_before
from refunds.admin.reconcile import payment_ids
from refunds.batches.check import check_batch
from refunds.batches.create import MAX_ORDERS, create_batch
from refunds.batches.errors import BatchError, BatchExistsError
from refunds.batches.outcomes import find_batch
from refunds.batches.run import run
from refunds.batches.start import start_batch
from refunds.batches.words import batch_path
from refunds.inputs import Actor
from refunds.models import BatchOrigin, RefundBatch, RefundRecord, RefundSource, RefundStatus
from refunds.permissions import may_refund_any
from refunds.tasks import run_batches

AGAIN = "again"


def confirmation_url(payment_ids: Sequence[int], **more: str) -> str:
    """Return the address that confirms these refunds.

    In `more`, `next` is the page to go back to, and `again` a failed refund that is tried again.
    """
    more = {name: value for name, value in more.items() if value}
    ids = ",".join(map(str, payment_ids))
    return f"{reverse('admin:payments_payment_refund')}?{urlencode({'ids': ids, **more}, safe=',')}"


def too_many_message() -> str:
    return _("You selected more than %(max)s orders. Select at most %(max)s at a time.") % {"max": MAX_ORDERS}


@require_http_methods(["GET", "POST"])
@staff_may(may_refund_any)
def confirm(request: StaffRequest) -> HttpResponse:
    """Show what would be refunded; on "Refund", if nothing is wrong with it, do it and show the result."""
    ids = payment_ids(request.GET.get("ids", ""))
    if len(ids) > MAX_ORDERS:
        messages.error(request, too_many_message(), extra_tags="too_many_orders")
        return HttpResponseRedirect(_back(request))
    token = _uuid(request.POST.get("token") if request.method == "POST" else request.GET.get("token"))
    if token is None:
        return _with_new_token(request, ids)
    if (sent := _sent_already(request, token)) is not None:
        return sent
    if request.method == "POST":
        return _submitted(request, ids, token)
    return _shown(request, ids, token, typed_before(request, token))


def _submitted(request: StaffRequest, ids: Sequence[int], token: uuid.UUID) -> HttpResponse:
    """Refund, if that was pressed and nothing is wrong or unread; else redirect to the page with what was typed."""
    if request.POST.get("do") == "refund":
        page = submitted_page(_payments(ids), request.user, request.POST)
        if (sent := _refund(request, request.user, token, page)) is not None:
            forget_typed(request, token)
            return sent
    if keep_typed(request, token):
        return HttpResponseRedirect(confirmation_url(ids, **{"token": str(token), NEXT: next_of(request)}))
    return _shown(request, ids, token, request.POST)


def _shown(request: StaffRequest, ids: Sequence[int], token: uuid.UUID, typed: QueryDict | None) -> HttpResponse:
    """Show the page as it was typed, or before any input."""
    user, payments = request.user, _payments(ids)
    if typed is None:
        page = initial_page(payments, user, str(token), _tried_before(request, payments))
    else:
        page = submitted_page(payments, user, typed)
    if typed is not None:
        page.notices.insert(0, _summary(page, wants_refund=typed.get("do") == "refund"))
    if len(payments) < len(ids):
        page.notices.append(Notice("payment_not_found", "error", _("Some of these payments were not found.")))
    return admin_page(request, "admin/refunds/confirm.html", _("Refund"), page=page, token=token, back=_back(request))


def _tried_before(request: HttpRequest, payments: Sequence[Payment]) -> RefundRecord | None:
    """Return the failed refund of the only payment that is tried again, if one is."""
    wanted = payment_ids(request.GET.get(AGAIN, ""))
    if len(payments) != 1 or not wanted:
        return None
    return payments[0].refunds.filter(pk=wanted[0], status=RefundStatus.FAILED).first()


def _back(request: HttpRequest) -> str:
    return next_of(request) or reverse("admin:payments_payment_changelist")


def _result_url(request: HttpRequest, batch: RefundBatch) -> str:
    return with_next(batch_path(batch), next_of(request))


def _sent_already(request: HttpRequest, token: uuid.UUID) -> HttpResponseRedirect | None:
    """Redirect to the result if the form was sent before."""
    batch = find_batch(token)
    if batch is None:
        return None
    messages.info(request, _("This was already sent. Nothing was refunded again; the result is below."))
    return HttpResponseRedirect(_result_url(request, batch))


def _payments(ids: Sequence[int]) -> list[Payment]:
    """Return the payments in the order they were selected."""
    found = Payment.objects.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _refund(request: HttpRequest, user: User, token: uuid.UUID, page: Confirmation) -> HttpResponseRedirect | None:
    """Commit the batch, have it executed, and redirect to its result, if nothing is wrong with the page."""
    if page.may_send and not has_blocked_selection(page):
        return HttpResponseRedirect(_result_url(request, _send(request, user, token, page)))
    # Of two parallel submissions, one may meet the refund that the other has just reserved.
    return _sent_already(request, token)


def _send(request: HttpRequest, user: User, token: uuid.UUID, page: Confirmation) -> RefundBatch:
    """Make the batch, check and start it. Execute one order at once, and leave several to a worker."""
    actor = Actor(user.get_username(), user)
    try:
        batch = create_batch(
            token=token,
            actor=actor,
            source=RefundSource.ADMIN,
            origin=BatchOrigin.SELECTION,
            rows=page.orders,
            reason=page.shared.cleaned_data["reason"],
            reason_code=page.shared.cleaned_data["reason_code"],
            language=get_language() or "",
        )
    except BatchExistsError as exc:
        return exc.batch  # submitted twice in parallel: the other request executes it
    try:
        check_batch(batch=batch, actor=actor)
        start_batch(batch=batch, actor=actor, totals=page.sums, accepted=page.warning_codes)
    except BatchError as exc:  # an order has changed since the page was validated: its page shows what
        messages.error(request, exc.message, extra_tags=exc.code)
        return batch
    if len(page.orders) == 1:
        run(batch_id=batch.pk)
    else:
        enqueue(run_batches)
    return batch


def _summary(page: Confirmation, *, wants_refund: bool) -> Notice:
    """Return what "Preview" or "Refund" found; for "Refund", that nothing was sent."""
    if not page.ticked and not has_blocked_selection(page):
        return Notice("nothing_selected", "error", _("Select at least one order to refund."))
    if not page.is_valid or has_blocked_selection(page):
        if wants_refund:
            return Notice("not_sent", "error", _("Nothing was refunded yet. Fix the problems below and try again."))
        return Notice("has_problems", "error", _("Read the notes below before you refund."))
    if not page.is_read:
        message = _("Nothing was refunded yet. Read what is marked below, tick it, and press Refund again.")
        return Notice("not_sent" if wants_refund else "unread", "warning", message)
    if wants_refund:
        return Notice("not_sent", "warning", _("Nothing was refunded yet. Press Refund again."))
    if page.has_warnings:
        return Notice("checked", "info", _("Nothing was refunded yet. Read the notes, then press Refund."))
    count = len(page.ticked)
    message = ngettext("Ready to refund.", "Ready to refund (%(count)s orders).", count)
    return Notice("checked", "success", message % {"count": count})


def _with_new_token(request: HttpRequest, ids: Sequence[int]) -> HttpResponse:
    """Redirect to an address with a token, so that the back button leads to the result and not to a new form."""
    if request.method == "POST":
        messages.error(request, _("Nothing was refunded: the page was out of date. Check it again."))
    more = {NEXT: next_of(request), AGAIN: request.GET.get(AGAIN, "")}
    return HttpResponseRedirect(confirmation_url(ids, token=str(uuid.uuid4()), **more))


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
