"""Forms for what buyers are told."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import mail
from refunds.models import NoticeKind, NoticeLanguage, NoticeSettings, RefundRecord
from refunds.notices.wording import PLACEHOLDERS, unknown_placeholders

_INPUT = {"class": "rd-input", "autocomplete": "off"}


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # it takes none when it runs
    """Whether, of what, and in whose name buyers are told."""

    is_on = forms.BooleanField(label=gettext_lazy("Send e-mails to buyers"), required=False)
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Tell buyers that a refund is"),
        choices=NoticeKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = NoticeSettings
        fields = ("kinds", "shop", "sender", "reply_to", "language")
        widgets = {
            "shop": forms.TextInput(_INPUT),
            "sender": forms.EmailInput(_INPUT),
            "reply_to": forms.EmailInput(_INPUT),
            "language": forms.Select({"class": "rd-input"}),
        }

    def clean(self) -> dict[str, Any]:
        """Demand what a mail needs before mails are switched on."""
        given = super().clean() or {}
        if given.get("is_on"):
            if not mail.is_on():
                self._demand("is_on", _("This server cannot send e-mails yet: EMAIL_URL is not set."))
            if not given.get("shop"):
                self._demand("shop", _("Enter the name that buyers know."))
            if not given.get("kinds"):
                self._demand("kinds", _("Choose at least one."))
        return given

    def _demand(self, name: str, message: str) -> None:
        self.add_error(name, ValidationError(message, code="required"))


class WordingForm(forms.Form):
    """Subject and text of one kind in one language, and the refund to show it with."""

    subject = forms.CharField(
        label=gettext_lazy("Subject"),
        max_length=150,
        widget=forms.TextInput(_INPUT),
        error_messages={"required": gettext_lazy("Enter a subject.")},
    )
    body = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=5_000,
        widget=forms.Textarea({"class": "rd-input", "rows": 12}),
        error_messages={"required": gettext_lazy("Enter a text.")},
    )
    refund = forms.CharField(
        label=gettext_lazy("Show it with this refund (a number; empty: a sample)"),
        required=False,
        max_length=16,
        widget=forms.TextInput(_INPUT),
    )

    def __init__(self, kind: str, language: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.fields["subject"].widget.attrs["lang"] = self.fields["body"].widget.attrs["lang"] = language

    def clean_subject(self) -> str:
        """Return the subject on one line."""
        return " ".join(self._checked("subject").split())

    def clean_body(self) -> str:
        """Return the text with one kind of line ends, as the usual wording has."""
        return "\n".join(self._checked("body").splitlines()).strip()

    def clean_refund(self) -> RefundRecord | None:
        """Return the refund with this number; saving needs none, so a wrong one does not matter then."""
        if self.data.get("do") == "save":
            return None
        number = self.cleaned_data["refund"].strip().upper()
        found = RefundRecord.objects.select_related("payment", "late_record").filter(number=number).first()
        if number and found is None:
            raise ValidationError(_("There is no refund with this number."), code="refund_not_found")
        return found

    def _checked(self, name: str) -> str:
        text: str = self.cleaned_data[name]
        if unknown := unknown_placeholders(self.kind, text):
            message = _("%(unknown)s is no placeholder here. These are: %(known)s.")
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS[self.kind])
            raise ValidationError(
                message % {"unknown": ", ".join(unknown)[:200], "known": known}, code="unknown_placeholder"
            )
        return text


LANGUAGES = NoticeLanguage.choices
