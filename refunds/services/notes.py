"""Write notes on payments and refunds. Only staff see them: nothing outside of the admin reads this table."""

import re
import uuid

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from core.sentences import sentence as _
from payments.models import Payment
from refunds.errors import InvalidRequest, RefundNotAllowed
from refunds.models import MAX_NOTE_LENGTH, Note, RefundRecord
from refunds.permissions import may_add_notes
from refunds.services.bank_accounts import without_accounts

# As in other texts (`refunds.inputs`), but lines and tabs may stay.
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


def add_note(
    *, payment: Payment, author: User, text: str, token: uuid.UUID, refund: RefundRecord | None = None
) -> Note:
    """Add a note about the payment, or about this refund of it; the same form sent twice adds one.

    Account numbers that are known here are masked. Raises `RefundNotAllowed`, `InvalidRequest` (`invalid_text`).
    """
    if not may_add_notes(author):
        raise RefundNotAllowed
    written = without_accounts(_parsed(text), payment)
    # Another text in the same form, as after the back button, is another note.
    once = uuid.uuid5(token, f"{payment.pk} {refund.pk if refund else ''} {author.pk} {written}")
    note = Note(
        payment=payment,
        refund=refund,
        text=written,
        author=author,
        author_name=author.get_username(),
        token=once,
        created_at=timezone.now(),
    )
    with transaction.atomic():
        Note.objects.bulk_create([note], ignore_conflicts=True)
    return Note.objects.get(token=once)


def _parsed(text: str) -> str:
    clean = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not clean:
        raise InvalidRequest("invalid_text", _("The note is empty."), field="text")
    if len(clean) > MAX_NOTE_LENGTH:
        message = _("The note is too long: at most %(max)d characters.") % {"max": MAX_NOTE_LENGTH}
        raise InvalidRequest("invalid_text", message, field="text")
    if _UNFIT.search(clean):
        raise InvalidRequest("invalid_text", _("The note contains invalid characters."), field="text")
    return clean
