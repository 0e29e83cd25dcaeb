"""The form of a payment: what i'mport does not know of it."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.utils.translation import gettext as _

from core.money import fits_precision, format_money, quantize

TAX_PARTS = ("tax_free", "vat_amount")


class PaymentForm(ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """The buyer's account, and the tax parts as stated at payment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in TAX_PARTS:
            if (part := self.initial.get(name)) is not None:
                self.initial[name] = quantize(part, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        """Refuse parts that cannot be parts of the amount paid."""
        cleaned = super().clean() or self.cleaned_data
        payment = self.instance
        parts = {name: part for name in TAX_PARTS if (part := cleaned.get(name)) is not None}
        paid = {"paid": format_money(payment.amount, payment.currency)}
        example = {"example": quantize(Decimal(1000), payment.currency)}
        too_much = sum(parts.values()) > payment.amount
        for name, part in parts.items():
            if too_much or part < 0:
                message = _("The tax-free part and the VAT part must be parts of the amount paid (%(paid)s).") % paid
                self.add_error(name, ValidationError(message, code="not_a_part"))
            elif not fits_precision(part, payment.currency):
                message = _("The amount has more decimals than its currency. Write it like %(example)s.") % example
                self.add_error(name, ValidationError(message, code="too_precise"))
        return cleaned
