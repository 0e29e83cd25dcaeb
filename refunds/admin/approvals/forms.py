"""The form of a decision: a note, which a rejection needs."""

from django import forms
from django.utils.translation import gettext_lazy as _

from refunds.models import MAX_DECISION_NOTE


class DecisionForm(forms.Form):
    """The note of whoever decides. The services say what is wrong with it."""

    note = forms.CharField(
        label=_("Note for the requester (needed to reject; the buyer does not see it)"),
        required=False,
        max_length=MAX_DECISION_NOTE,
        widget=forms.Textarea(attrs={"class": "rd-input", "rows": 3, "maxlength": MAX_DECISION_NOTE}),
    )
