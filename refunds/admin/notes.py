"""The form that adds a note on the page of a payment or refund; the timelines show the notes."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.admin.pages import StaffRequest, staff_may
from core.permissions import AnyUser
from payments.models import Payment
from refunds.admin.timeline import TimelineEntry
from refunds.errors import InvalidRequest
from refunds.models import MAX_NOTE_LENGTH, Note, RefundRecord
from refunds.permissions import may_add_notes
from refunds.services.notes import add_note


@dataclass(frozen=True, slots=True)
class NoteForm:
    """Hold what the template of the form needs."""

    url: str
    token: uuid.UUID
    max_length: int = MAX_NOTE_LENGTH


def note_form(user: AnyUser, of: Payment | RefundRecord) -> NoteForm | None:
    """Return the form that adds a note about this payment or refund; None if this user may not."""
    if not may_add_notes(user):
        return None
    kind = "refunds_refundrecord" if isinstance(of, RefundRecord) else "payments_payment"
    return NoteForm(reverse(f"admin:{kind}_note", args=[of.pk]), uuid.uuid4())


def note_entries(notes: Iterable[Note], *, name_refunds: bool) -> Iterator[TimelineEntry]:
    """Yield the notes as lines of a timeline; with `name_refunds`, each with the refund that it is about."""
    for note in notes:
        refund = note.refund if name_refunds else None
        yield TimelineEntry(
            at=note.created_at,
            title=_("Note"),
            colour="note",
            message="",
            actor=note.author_name,
            link=refund.number if refund else "",
            url=reverse("admin:refunds_refundrecord_change", args=[refund.pk]) if refund else "",
            note=note.text,
        )


@require_POST
@staff_may(may_add_notes)
def note_on_payment(request: StaffRequest, pk: int) -> HttpResponse:
    """Add the note, and go back to the payment."""
    payment = get_object_or_404(Payment, pk=pk)
    _add(request, payment, None)
    return HttpResponseRedirect(reverse("admin:payments_payment_change", args=[pk]) + "#refund-timeline")


@require_POST
@staff_may(may_add_notes)
def note_on_refund(request: StaffRequest, pk: int) -> HttpResponse:
    """Add the note, and go back to the refund."""
    refund = get_object_or_404(RefundRecord.objects.select_related("payment"), pk=pk)
    _add(request, refund.payment, refund)
    return HttpResponseRedirect(reverse("admin:refunds_refundrecord_change", args=[pk]) + "#refund-timeline")


def _add(request: StaffRequest, payment: Payment, refund: RefundRecord | None) -> None:
    try:
        token = uuid.UUID(request.POST.get("token", ""))
    except ValueError:
        token = uuid.uuid4()
    try:
        add_note(payment=payment, refund=refund, author=request.user, text=request.POST.get("text", ""), token=token)
    except InvalidRequest as exc:
        messages.error(request, exc.message, extra_tags=exc.code)
    else:
        messages.success(request, _("The note was added."), extra_tags="note_added")
