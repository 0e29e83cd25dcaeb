"""Forms for the second factor; `two_factor.service` validates the code."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import BASE_INPUT_CLASSES

MAX_CODE_LENGTH = 40  # with spaces and hyphens


class CodeForm(forms.Form):
    """A code of the app, or a backup code."""

    code = forms.CharField(label=_("Code"), max_length=MAX_CODE_LENGTH)

    def __init__(self, *args: Any, backup: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if backup:
            self.fields["code"].label = _("Backup code")
        # Phones show a number pad for codes of the app.
        looks = {"inputmode": "text" if backup else "numeric", "autocomplete": "off" if backup else "one-time-code"}
        classes = " ".join(BASE_INPUT_CLASSES)
        more = {"autofocus": True, "autocapitalize": "none", "spellcheck": "false", "class": classes}
        self.fields["code"].widget.attrs |= {**looks, **more}


class ProofForm(forms.Form):
    """Password and code again, so that nobody changes the second factor on a screen left unlocked."""

    code = forms.CharField(
        label=_("Code from the app"),
        max_length=MAX_CODE_LENGTH,
        widget=forms.TextInput(attrs={"class": "rd-input", "autocomplete": "one-time-code", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "rd-input", "autocomplete": "current-password"}),
    )
