"""The form of a decision: a note, which a rejection needs."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from refunds.approvals.errors import NoteRequired
from refunds.models import MAX_DECISION_NOTE


class DecisionForm(forms.Form):
    """The note of whoever decides. A rejection without one is told beside the input."""

    note = forms.CharField(
        label=_("Note for the requester (needed to reject; the buyer does not see it)"),
        required=False,
        max_length=MAX_DECISION_NOTE,
        widget=forms.Textarea(attrs={"class": "rd-input", "rows": 3, "maxlength": MAX_DECISION_NOTE}),
    )

    def __init__(self, data: QueryDict | None) -> None:
        super().__init__(data)
        if data is not None and data.get("do") == "reject" and not data.get("note", "").strip():
            missing = NoteRequired()
            self.add_error("note", ValidationError(missing.message, code=missing.code))
