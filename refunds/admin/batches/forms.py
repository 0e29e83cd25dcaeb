"""The forms of bulk refunds: make one from a file or a paste, and start it."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import DomainError
from core.money import format_money, quantize
from refunds.admin.reason_fields import ReasonForm
from refunds.batches.preview import BatchPreview, WarningGroup
from refunds.errors import InvalidRequest
from refunds.inputs import parse_typed_amount
from refunds.models import RefundBatch

LONGEST_TOTAL = 40


def _text(**attributes: Any) -> forms.TextInput:
    return forms.TextInput({"class": "rd-input", "autocomplete": "off", **attributes})


class SheetForm(ReasonForm):
    """A file or a pasted table, and what all its orders share."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    file = forms.FileField(
        label=gettext_lazy("File to upload"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput({"class": "rd-input", "accept": ".xlsx,.csv,.tsv,.txt"}),
    )
    text = forms.CharField(
        label=gettext_lazy("Or paste the rows from a spreadsheet, with the headings"),
        required=False,
        strip=False,
        widget=forms.Textarea({"class": "rd-input rd-paste", "rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )
    all_or_nothing = forms.BooleanField(
        label=gettext_lazy("All or nothing: start only if no row has a problem"),
        required=False,
        widget=forms.CheckboxInput({"class": "rd-check"}),
    )

    @property
    def typed(self) -> list[BoundField]:
        return [self["file"], self["text"], *self.reason_inputs]

    def clean(self) -> dict[str, Any]:
        super().clean()
        if not self.errors and bool(self.cleaned_data["file"]) == bool(self.cleaned_data["text"].strip()):
            both = bool(self.cleaned_data["file"])
            message = _("Choose a file or paste rows, not both.") if both else _("Choose a file, or paste rows.")
            self.add_error("file", ValidationError(message, code="two_sheets" if both else "no_sheet"))
        return self.cleaned_data


class StartForm(ReasonForm):
    """Read what the clerk types before the start: reason, total per currency, ticks for warnings, perhaps a code."""

    def __init__(
        self, preview: BatchPreview, data: Mapping[str, Any] | None, *, batch: RefundBatch, needs_code: bool
    ) -> None:
        initial = {"reason": batch.reason, "reason_code": batch.reason_code}
        super().__init__(data, initial=initial, kept=batch.frozen_reason)
        self.totals, self.warnings = preview.totals, preview.warnings
        for currency, total in self.totals.items():
            self.fields[f"total_{currency}"] = self._total_field(currency, total)
        for group in self.warnings:
            self.fields[f"accept_{group.code}"] = forms.BooleanField(
                required=False, widget=forms.CheckboxInput({"class": "rd-check"})
            )
        if needs_code:
            widget = _text(inputmode="numeric", autocomplete="one-time-code", maxlength=20)
            self.fields["code"] = forms.CharField(
                label=_("Code of your authenticator app"), required=False, widget=widget
            )

    def _total_field(self, currency: str, total: Decimal) -> forms.CharField:
        label = _("Type the total to confirm: %(total)s") % {"total": format_money(total, currency)}
        widget = _text(inputmode="decimal", maxlength=LONGEST_TOTAL, placeholder=f"{quantize(total, currency):f}")
        field = forms.CharField(label=label, required=False, widget=widget)
        field.clean = partial(_clean_total, total=total, currency=currency)  # type: ignore[method-assign]
        return field

    def clean(self) -> dict[str, Any]:
        super().clean()
        for group in self.warnings:
            if not self.cleaned_data.get(f"accept_{group.code}"):
                message = _("Tick this, or leave these orders out.")
                self.add_error(f"accept_{group.code}", ValidationError(message, code="warnings_not_accepted"))
        return self.cleaned_data

    def add_problem(self, field: str | None, problem: DomainError) -> None:
        """Show why the service did not start it: beside the input, or for the page as a whole."""
        self.add_error(field if field in self.fields else None, ValidationError(problem.message, code=problem.code))

    @property
    def accepted(self) -> Collection[str]:
        return {group.code for group in self.warnings if self.cleaned_data.get(f"accept_{group.code}")}

    @property
    def typed(self) -> dict[str, Decimal]:
        return {currency: self.cleaned_data[f"total_{currency}"] for currency in self.totals}

    @property
    def inputs(self) -> list[BoundField]:
        """Return the inputs of the start itself: the total of each currency, and the code."""
        others = ("reason", "reason_code")
        return [bound for bound in self if bound.name not in others and not bound.name.startswith("accept_")]

    @property
    def groups(self) -> list[tuple[WarningGroup, BoundField]]:
        return [(group, self[f"accept_{group.code}"]) for group in self.warnings]


def _clean_total(value: str, *, total: Decimal, currency: str) -> Decimal:
    """Read a total as people type it: "12,345,000", "₩12,345,000", "12345000원"."""
    if not (value or "").strip():
        raise ValidationError(_("Type the total."), code="total_required")
    try:
        typed = parse_typed_amount(value, currency=currency)
    except InvalidRequest as exc:
        raise ValidationError(exc.message, code=exc.code) from exc
    if typed != total:
        raise ValidationError(_("This is not the total. Compare it with the amounts above."), code="total_differs")
    return typed
