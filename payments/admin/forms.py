"""The form of a payment: what i'mport does not know of it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.forms import ModelForm

from core.money import quantize
from payments.tax_parts import TAX_PARTS, wrong_parts


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
        for name, problem in wrong_parts(self.instance, {name: cleaned.get(name) for name in TAX_PARTS}):
            self.add_error(name, ValidationError(problem, code="invalid_amount"))
        return cleaned
