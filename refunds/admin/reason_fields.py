"""The inputs of a refund's reason: one of the shop's list, and a free text beside it."""

from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from refunds.errors import InvalidRequest
from refunds.inputs import MAX_REASON_LENGTH, RefundRequest, parse_text
from refunds.models import FrozenReason
from refunds.models.reasons import MAX_CODE_LENGTH
from refunds.services.reasons import Choice, find_reason, reasons_in_use, with_reason


class ReasonText(forms.CharField):
    """The free text of a refund's reason."""

    def __init__(self) -> None:
        widget = forms.TextInput({"class": "rd-input", "autocomplete": "off", "maxlength": MAX_REASON_LENGTH})
        super().__init__(required=False, widget=widget)

    def clean(self, value: Any) -> str:
        try:
            return parse_text(value or "", field="reason", max_length=MAX_REASON_LENGTH)
        except InvalidRequest as exc:
            raise ValidationError(exc.message, code=exc.code) from exc


class ReasonForm(forms.Form):
    """The reason of one or more refunds. Where the shop has no reason in use, there is the free text alone.

    `kept` is a reason that was frozen before: it can stay, even if it is not in use any more.
    """

    reason_code = forms.CharField(required=False, max_length=MAX_CODE_LENGTH)
    reason = ReasonText()

    def __init__(self, *args: Any, kept: FrozenReason | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reasons, self._kept = reasons_in_use(), kept
        names = {code: reason.frozen.name for code, reason in self._reasons.items()}
        if kept and kept.name:
            names.setdefault(kept.code, kept.name)
        code, text = self.fields["reason_code"], self.fields["reason"]
        code.label = _("Reason")
        text.label = pgettext("of a refund's reason", "Details") if names else _("Reason")
        code.widget = forms.HiddenInput()
        if names:
            code.widget = forms.Select({"class": "rd-input"}, [("", _("Choose a reason")), *names.items()])

    @property
    def reason_inputs(self) -> list[BoundField]:
        return [self[name] for name in ("reason_code", "reason") if not self[name].is_hidden]

    def clean(self) -> dict[str, Any]:
        for problem in self._chosen.problems:
            self.add_error(problem.field, ValidationError(problem.message, code=problem.code))
        return self.cleaned_data

    def add_reason(self, request: RefundRequest) -> RefundRequest:
        """Return the request with the typed reason. An invalid one counts as none; its error stops the refund."""
        chosen = None if self.has_error("reason_code") else self._chosen.reason
        return replace(with_reason(request, chosen), reason=self.cleaned_data.get("reason", ""))

    @property
    def _chosen(self) -> Choice:
        code = self.cleaned_data.get("reason_code", "")
        if self._kept and self._kept.code == code and code not in self._reasons:
            return Choice(self._kept)
        return find_reason(code=code, text=self.cleaned_data.get("reason", ""), reasons=self._reasons)
