"""Buttons of a bulk refund: check again, leave out, start, pause, resume, stop, retry. Each changes it by POST only."""

import uuid
from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from access.lockout.service import count_failure
from core.admin.pages import StaffRequest, admin_page, staff_may
from core.money import format_totals
from core.queue import enqueue
from refunds.admin.batches.forms import StartForm
from refunds.admin.batches.pages import find_batch_or_404, preview_page
from refunds.admin.batches.preview import actor_of, start_form
from refunds.admin.reason_fields import ReasonForm
from refunds.admin.reconcile import payment_ids
from refunds.batches.check import check_batch
from refunds.batches.control import cancel_batch, pause_batch, resume_batch
from refunds.batches.errors import BatchError, BatchReasonRequired, BatchStateError, SecondFactorRefused
from refunds.batches.outcomes import State, counts_of
from refunds.batches.preview import preview_of
from refunds.batches.retry import retry_refused
from refunds.batches.start import leave_out, start_batch
from refunds.batches.words import batch_path
from refunds.models import OPEN_STATUSES, STARTED, BatchStatus, RefundBatch
from refunds.permissions import may_refund_any
from refunds.tasks import run_batches

MOST_LEFT_OUT = 100  # ticked orders: those of one page


def _done(request: StaffRequest, batch: RefundBatch, change: Callable[[], object]) -> HttpResponseRedirect:
    """Make a change, say why if it is refused, and show the batch."""
    try:
        change()
    except BatchError as exc:
        messages.error(request, exc.message, extra_tags=exc.code)
    return HttpResponseRedirect(batch_path(batch))


@require_POST
@staff_may(may_refund_any)
def check(request: StaffRequest, token: uuid.UUID) -> HttpResponse:
    """Check all orders of a batch that was not started, as they are now."""
    batch = find_batch_or_404(token)
    return _done(request, batch, partial(_check, request, batch))


def _check(request: StaffRequest, batch: RefundBatch) -> None:
    """Check the batch with the reason that was typed. An invalid one is left to the start's form."""
    before = {"reason": batch.reason, "reason_code": batch.reason_code}
    form = ReasonForm({**before, **request.POST.dict()}, kept=batch.frozen_reason)
    typed = form.cleaned_data if form.is_valid() else before
    check_batch(batch=batch, actor=actor_of(request.user), reason=typed["reason"], reason_code=typed["reason_code"])


@require_POST
@staff_may(may_refund_any)
def leave(request: StaffRequest, token: uuid.UUID) -> HttpResponse:
    """Leave out the ticked orders, or those that have a warning."""
    batch = find_batch_or_404(token)
    items = payment_ids(",".join(request.POST.getlist("item")[:MOST_LEFT_OUT]))

    def change() -> None:
        left = leave_out(
            batch=batch, actor=actor_of(request.user), items=items, warning=request.POST.get("warning", "")
        )
        message = ngettext("%(count)s order was left out.", "%(count)s orders were left out.", left)
        messages.success(request, message % {"count": f"{left:,}"}, extra_tags="left_out")

    return _done(request, batch, change)


@require_http_methods(["GET", "POST"])
@staff_may(may_refund_any)
def start(request: StaffRequest, token: uuid.UUID) -> HttpResponse:
    """Start the batch, if the total is typed and every warning is accepted; else show what is missing, at its input."""
    batch = find_batch_or_404(token)
    if request.method != "POST" or batch.status != BatchStatus.CHECKED:
        return HttpResponseRedirect(batch_path(batch))
    typed = [request.POST.get(name, getattr(batch, name)) for name in ("reason", "reason_code")]
    if typed != [batch.reason, batch.reason_code]:
        _done(request, batch, partial(_check, request, batch))
    preview = preview_of(batch)
    form = start_form(batch, request.user, preview, request.POST)
    if form.is_valid() and _started(request, batch, form):
        enqueue(run_batches)
        return HttpResponseRedirect(batch_path(batch))
    return preview_page(request, batch, request.user, preview, form)


def _started(request: StaffRequest, batch: RefundBatch, form: StartForm) -> bool:
    """Start the batch, or add to the form why it was not started."""
    try:
        start_batch(
            batch=batch,
            actor=actor_of(request.user),
            totals=form.typed,
            accepted=form.accepted,
            second_factor=form.cleaned_data.get("code", ""),
        )
    except SecondFactorRefused as exc:
        if exc.was_tried:
            count_failure(request, request.user.get_username())
        form.add_problem("code", exc)
        return False
    except BatchReasonRequired as exc:
        form.add_problem("reason_code", exc)
        return False
    except BatchStateError:
        return True  # started in another window: its page shows that
    except BatchError as exc:
        form.add_problem(None, exc)
        return False
    return True


@require_POST
@staff_may(may_refund_any)
def pause(request: StaffRequest, token: uuid.UUID) -> HttpResponse:
    batch = find_batch_or_404(token)
    return _done(request, batch, partial(pause_batch, batch=batch, actor=actor_of(request.user)))


@require_POST
@staff_may(may_refund_any)
def resume(request: StaffRequest, token: uuid.UUID) -> HttpResponse:
    batch = find_batch_or_404(token)
    answer = _done(request, batch, partial(resume_batch, batch=batch, actor=actor_of(request.user)))
    enqueue(run_batches)
    return answer


@require_http_methods(["GET", "POST"])
@staff_may(may_refund_any)
def stop(request: StaffRequest, token: uuid.UUID) -> HttpResponse:
    """Ask once, with the number of orders that will not be refunded; on POST, stop the batch for good."""
    batch = find_batch_or_404(token)
    if batch.status not in OPEN_STATUSES:
        return HttpResponseRedirect(batch_path(batch))
    if request.method == "POST":
        return _done(request, batch, partial(cancel_batch, batch=batch, actor=actor_of(request.user)))
    waiting = counts_of(batch).figures[State.WAITING]
    is_started = batch.status in STARTED
    facts = {
        "batch": batch,
        "is_started": is_started,
        "waiting": waiting.count,
        "amount": " + ".join(format_totals((amount, currency) for currency, amount in waiting.sums.items())),
    }
    title = _("Stop this bulk refund?") if is_started else _("Discard this bulk refund?")
    return admin_page(request, "admin/refunds/batches/stop.html", title, **facts)


@require_POST
@staff_may(may_refund_any)
def retry(request: StaffRequest, token: uuid.UUID) -> HttpResponse:
    """Make a new batch of the refused orders that may succeed now, and show it for its confirmation."""
    batch = find_batch_or_404(token)
    made = batch
    try:
        made = retry_refused(batch=batch, actor=actor_of(request.user), token=uuid.uuid4())
    except BatchError as exc:
        messages.error(request, exc.message, extra_tags=exc.code)
    return HttpResponseRedirect(batch_path(made))
