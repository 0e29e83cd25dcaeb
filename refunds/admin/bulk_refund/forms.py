"""The admin's confirmation page as forms: one for each order, one for what they share.

The fields parse with the functions of the API and the command, so that the codes are the same everywhere.
`preview_refund` applies the rules.
"""

import json
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.money import format_money, quantize
from payments.labels import bank_choices
from payments.models import Payment
from refunds.admin.reason_fields import ReasonForm
from refunds.errors import InvalidRequest, Violation
from refunds.inputs import RefundRequest, parse_amount, parse_text, parse_typed_amount
from refunds.models import RefundRecord
from refunds.policies import Requirements

Parser = Callable[[str], Any]
ACCOUNT_INPUT_LENGTH = 100
REQUESTERS: tuple[tuple[str, str | Promise], ...] = (
    ("admin", _("Shop")),
    ("customer", _("Buyer")),
)


class ParsedField(forms.Field):
    """A text that `parser` parses; its `InvalidRequest` becomes the field's error, with the same code."""

    def __init__(self, parser: Parser, *, empty: Any = "", **options: Any) -> None:
        super().__init__(required=False, **options)
        self.parser, self.empty = parser, empty

    def clean(self, value: Any) -> Any:
        if value is None or not str(value).strip():
            return self.empty
        try:
            return self.parser(value)
        except InvalidRequest as exc:
            raise ValidationError(exc.message, code=exc.code) from exc


def _input(**attributes: Any) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "rd-input", "autocomplete": "off", **attributes})


def _amount_field(name: str, label: str | Promise, currency: str, **attributes: Any) -> ParsedField:
    widget = _input(inputmode="decimal", maxlength=40, **attributes)
    parser = partial(parse_typed_amount, field=name, currency=currency)
    return ParsedField(parser, empty=None, label=label, widget=widget)


def _text_field(name: str, label: str | Promise, widget: forms.Widget) -> ParsedField:
    parser = partial(parse_text, field=name, max_length=ACCOUNT_INPUT_LENGTH)
    return ParsedField(parser, label=label, widget=widget)


class OrderForm(forms.Form):
    """The inputs for one order: only those that its method and PG need."""

    def __init__(self, payment: Payment, needs: Requirements, data: Mapping[str, Any], **options: Any) -> None:
        super().__init__(data, prefix=prefix_of(payment), **options)
        self.payment, self.needs = payment, needs
        self.fields["selected"] = forms.BooleanField(required=False)
        self.fields["expected_balance"] = ParsedField(
            partial(parse_amount, field="amount"), empty=Decimal(-1), widget=forms.HiddenInput
        )
        self.fields["read"] = forms.Field(required=False, widget=forms.MultipleHiddenInput)
        left = format_money(payment.refundable_amount, payment.currency)
        locked = {"readonly": True} if needs.why_in_full else {"placeholder": _("All: %(left)s") % {"left": left}}
        self.fields["amount"] = _amount_field(
            "amount", _("Amount to refund"), payment.currency, **locked, **{"data-amount": True}
        )
        if needs.account:
            self._add_account(payment.pg_provider)
        if needs.tel:
            tel = _input(inputmode="tel", maxlength=ACCOUNT_INPUT_LENGTH)
            self.fields["refund_tel"] = _text_field("refund_tel", _("Holder's telephone"), tel)
        if needs.takes_tax_free:
            self.fields["tax_free"] = _amount_field("tax_free", _("Tax-free part"), payment.currency)
        if needs.takes_vat:
            self.fields["vat_amount"] = _amount_field("vat_amount", _("VAT part"), payment.currency)
        if needs.promotion:
            keep = forms.CheckboxInput(attrs={"class": "rd-check"})
            label = _("Keep the promotion")
            self.fields["retain_promotion"] = forms.BooleanField(required=False, label=label, widget=keep)
        if needs.requester:
            widget = forms.Select(choices=REQUESTERS, attrs={"class": "rd-input"})
            self.fields["requester"] = _text_field("requester", pgettext_lazy("Naver Pay", "Requested by"), widget)

    def _add_account(self, pg_provider: str) -> None:
        holder = _input(maxlength=ACCOUNT_INPUT_LENGTH)
        number = _input(inputmode="numeric", maxlength=ACCOUNT_INPUT_LENGTH)
        banks = forms.Select(
            choices=[("", _("Choose a bank")), *bank_choices(pg_provider)], attrs={"class": "rd-input"}
        )
        self.fields["refund_holder"] = _text_field("refund_holder", _("Account holder"), holder)
        self.fields["refund_bank"] = _text_field("refund_bank", _("Bank"), banks)
        self.fields["refund_account"] = _text_field("refund_account", _("Account number"), number)

    @property
    def is_selected(self) -> bool:
        return bool(self["selected"].data)

    @property
    def request(self) -> RefundRequest:
        """Return the request without its reason. An invalid input counts as empty; its error stops the refund."""
        read = {name: value for name, value in self.cleaned_data.items() if name not in ("selected", "read")}
        read["requester"] = read.get("requester") or "admin"
        return RefundRequest(**read)

    def mark_of(self, warning: Violation, *, is_typed: bool) -> str:
        """Return the value that says this warning was read: with these inputs only, or (not `is_typed`) with any."""
        inputs = {name: str(value) for name, value in self.cleaned_data.items() if name != "read"}
        read = [warning.code, warning.message, inputs if is_typed else None]
        return salted_hmac("refunds.read_warning", json.dumps(read)).hexdigest()[:20]

    @property
    def marks(self) -> Collection[str]:
        """Return the marks of the warnings that were read."""
        return self.cleaned_data.get("read") or ()

    def add_problem(self, field: str, code: str, message: str) -> None:
        """Show a rule's problem beside its input, unless that input has an error already."""
        name = field if field in self.fields else None
        if name is None or name not in self.errors:
            self.add_error(name, ValidationError(message, code=code))


class SharedForm(ReasonForm):
    """The inputs that all orders of the page share."""

    token = forms.UUIDField(widget=forms.HiddenInput)


def prefix_of(payment: Payment) -> str:
    return f"p{payment.pk}"


def initial_data(payment: Payment, needs: Requirements, earlier: RefundRecord | None = None) -> dict[str, str]:
    """Return an order's form data before any input: ticked, with the whole balance and the promotion's option.

    The amount stays empty, which means all that is left, unless it cannot be another one, or `earlier` was for a part.
    """
    prefix = prefix_of(payment)
    data = {f"{prefix}-selected": "on", f"{prefix}-expected_balance": str(payment.refundable_amount)}
    if needs.promotion_kept:
        data[f"{prefix}-retain_promotion"] = "on"
    if needs.why_in_full:
        data[f"{prefix}-amount"] = f"{quantize(payment.refundable_amount, payment.currency):,f}"
    return data | {f"{prefix}-{name}": text for name, text in _asked_before(payment, needs, earlier).items() if text}


def _asked_before(payment: Payment, needs: Requirements, earlier: RefundRecord | None) -> dict[str, str]:
    """Return the inputs of an earlier refund. Of its account only the bank: the other inputs have to be asked again."""
    if earlier is None:
        return {}
    amounts: dict[str, Decimal | None] = {"tax_free": earlier.tax_free, "vat_amount": earlier.vat_amount}
    if not needs.why_in_full and earlier.amount < payment.refundable_amount:
        amounts["amount"] = earlier.amount
    typed = {name: f"{quantize(part, payment.currency):,f}" for name, part in amounts.items() if part is not None}
    return typed | {"refund_bank": earlier.refund_bank, "requester": earlier.requester}
