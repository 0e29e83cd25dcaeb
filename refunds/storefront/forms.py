"""The form of a refund, for buyers: one template shows its fields on an order's page and in the script's dialog."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from core.money import DECIMAL_PLACES, MAX_DIGITS, currency_symbol, format_money, quantize
from payments.gateway import Requester
from payments.labels import bank_choices
from payments.models import Payment
from refunds.errors import InvalidRequest, Violation
from refunds.inputs import TEXT_LENGTHS, RefundRequest, parse_request, parse_typed_amount
from refunds.services.preview import requirements_of
from refunds.storefront.answers import say
from refunds.storefront.words import FORBIDDEN

OTHER = "other"
REASONS = (
    _("I changed my mind"),
    _("I ordered by mistake"),
    _("The goods arrived damaged"),
    _("The wrong goods arrived"),
    _("The delivery takes too long"),
)
ACCOUNT = ("refund_holder", "refund_bank", "refund_account")


def _text(name: str, label: Any, **attributes: str) -> forms.CharField:
    attributes = {"autocomplete": "off", "aria-describedby": f"{name}-problem", **attributes}
    widget = forms.TextInput(attrs=attributes)
    return forms.CharField(label=label, required=False, max_length=TEXT_LENGTHS.get(name, 20), widget=widget)


def _amount(name: str, label: Any) -> forms.CharField:
    return _text(name, label, inputmode="decimal", **{"aria-describedby": f"{name}-hint {name}-problem"})


def _choice(name: str, label: Any, choices: Any = ()) -> forms.CharField:
    widget = forms.Select(attrs={"autocomplete": "off", "aria-describedby": f"{name}-problem"}, choices=choices)
    return forms.CharField(label=label, required=False, max_length=TEXT_LENGTHS[name], widget=widget)


class RefundForm(forms.Form):
    """The fields that this payment's refund needs; without a payment all of them, for the script to choose from."""

    amount = _amount("amount", _("Amount"))
    tax_free = _amount("tax_free", _("Of which tax-free goods"))
    reason = _choice("reason", _("Reason"))
    reason_other = _text("reason", _("Reason in your own words"))
    refund_holder = _text("refund_holder", _("Account holder"))
    refund_bank = _choice("refund_bank", _("Bank"))
    refund_account = _text("refund_account", _("Account number"), inputmode="numeric", spellcheck="false")
    refund_tel = _text("refund_tel", _("Account holder's telephone"), inputmode="tel", placeholder="010-0000-0000")
    # The same key never refunds twice: neither a double click nor the Back button does.
    key = forms.UUIDField(widget=forms.HiddenInput)
    # The refundable amount when the page was made: another tab may have changed it.
    balance = forms.DecimalField(max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, payment: Payment | None = None) -> None:
        super().__init__(data, auto_id="refund-%s", label_suffix="")
        self.payment = payment
        reasons = [("", _("Choose a reason")), *((text, text) for text in REASONS), (OTHER, _("Another reason"))]
        self.fields["reason"].widget.choices = reasons
        if payment is not None:
            self._fit_to(payment)

    def _fit_to(self, payment: Payment) -> None:
        self.needs = requirements_of(payment)
        self.left = quantize(payment.refundable_amount, payment.currency)
        self.unit = currency_symbol(payment.currency)
        self.hint = say("amount_hint" if self.needs.partial_allowed else "amount_full_only")
        self.reason_need = say("reason_required" if self.needs.reason else "reason_optional")
        self.initial = {"key": uuid4(), "balance": self.left}
        amount = self.fields["amount"].widget.attrs
        amount["placeholder"] = f"{self.left:,f}"
        if not self.needs.partial_allowed:
            amount["readonly"] = True
        banks = [("", say("choose_bank")), *bank_choices(payment.pg_provider)]
        self.fields["refund_bank"].widget.choices = banks
        tax_free = self.needs.tax_free or self.needs.tax_free_in_full
        unused = {"refund_tel": self.needs.tel, "tax_free": tax_free, **dict.fromkeys(ACCOUNT, self.needs.account)}
        for name in [name for name, needed in unused.items() if not needed]:
            del self.fields[name]

    def clean_amount(self) -> Decimal | None:
        """Return major units; None for all that is left. The rules compare it with what is left."""
        return self._typed("amount")

    def clean_tax_free(self) -> Decimal | None:
        return self._typed("tax_free")

    def _typed(self, name: str) -> Decimal | None:
        typed = self.cleaned_data[name]
        if not typed or self.payment is None:
            return None
        try:
            return parse_typed_amount(typed, field=name, currency=self.payment.currency)
        except InvalidRequest as exc:
            raise forms.ValidationError(say("amount_invalid", example=f"{self.left:,f}")) from exc

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not data.get("key") or data.get("balance") is None:
            self.add_error(None, say("stale"))
        own_words = data.pop("reason_other", "")
        data["reason"] = own_words if data.get("reason", "") in ("", OTHER) else data["reason"]
        needed = {
            "reason": self.needs.reason,
            "refund_tel": self.needs.tel,
            **dict.fromkeys(ACCOUNT, self.needs.account),
        }
        for name, is_needed in needed.items():
            if is_needed and not data.get(name) and not self.has_error(name):
                self.add_error(name, say(f"{name.removeprefix('refund_')}_missing"))
        return data

    def refund_request(self, *, requester: Requester, confirmed: Iterable[str]) -> RefundRequest:
        """Return the request of a valid form. Raises `InvalidRequest`."""
        data = self.cleaned_data
        return parse_request(
            {name: data[name] for name in TEXT_LENGTHS if data.get(name)},
            requester=requester,
            amount=data["amount"],
            tax_free=data.get("tax_free"),
            expected_balance=data["balance"],
            retain_promotion=self.needs.promotion_kept,  # as the refund before it
            confirmed=frozenset(confirmed),
        )

    def add_violations(self, violations: Iterable[Violation]) -> None:
        """Show what the rules forbid, in words for buyers, at its field if there is one."""
        for violation in violations:
            text = str(FORBIDDEN.get(violation.code, violation.message))
            if violation.code == "amount_exceeds_balance" and self.payment is not None:
                text = say("amount_too_much", left=format_money(self.left, self.payment.currency))
            if violation.code == "amount_not_positive":
                text = say("amount_zero")
            self.add_error(violation.field if violation.field in self.fields else None, text)

    def renew(self) -> None:
        """Show what was typed with a new key and today's balance: nothing was sent for the old ones."""
        self.data = {**self.typed(), "key": str(uuid4()), "balance": str(self.left)}
        if not self.needs.partial_allowed:
            self.data["amount"] = ""  # the field is read-only now

    def focus_first_error(self) -> None:
        """Let the page open at the first field with an error."""
        wrong = next((name for name in self.fields if self.has_error(name)), None)
        if wrong is not None:
            self.fields[wrong].widget.attrs["autofocus"] = True

    def typed(self) -> dict[str, str]:
        """Return what was sent, to be sent once more."""
        return {name: self.data.get(name, "") for name in self.fields}
