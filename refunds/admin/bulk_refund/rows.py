"""One order of the confirmation page: its inputs, its amounts, and its warnings with those that have to be ticked."""

from dataclasses import dataclass, replace
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core.money import KRW, format_money, precision, quantize
from payments.admin.payments import state_badge
from payments.labels import bank_name, card_label, method_and_pg, method_label
from payments.models import Payment
from refunds.admin.bulk_refund.forms import OrderForm
from refunds.errors import Violation
from refunds.inputs import RefundRequest
from refunds.policies import NOTES, usual_arrival
from refunds.services.account_holder import STRANGER
from refunds.services.approval_limits import CODE as APPROVAL
from refunds.services.preview import RefundPreview

# Lines that follow the amount while it is typed say these, with live numbers.
LIVE = frozenset({"vbank_fee", "promotion_expected", APPROVAL})
# The inputs that every order has, at the top of its card.
HEAD_FIELDS = ("selected", "expected_balance", "read", "amount")


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning of an order. One that depends on what was typed has to be ticked; the others were there before."""

    warning: Violation
    mark: str  # the value that its tick, or its being shown, sends
    has_tick: bool
    is_read: bool

    @property
    def level(self) -> str:
        if self.warning.code in STRANGER:
            return "error"
        return "info" if self.warning.code in NOTES else "warning"


@dataclass(slots=True)
class Row:
    """One order on the page. Blocked: nothing that could be typed would make it refundable."""

    payment: Payment
    form: OrderForm
    preview: RefundPreview
    warned: list[Warned]
    ticked: bool
    blocked: bool
    at_once: str | None = None  # the largest amount that needs no approval, for the page's script; None: any amount

    @property
    def amount(self) -> Decimal | None:
        """The amount to refund; None while the input is invalid."""
        return None if self.form.has_error("amount") else self.preview.amount

    @property
    def ticks(self) -> list[Warned]:
        """Return the warnings that have to be ticked."""
        return [warned for warned in self.warned if warned.has_tick]

    @property
    def notes(self) -> list[Warned]:
        """Return the warnings that were there before anything was typed."""
        return [warned for warned in self.warned if not warned.has_tick]

    @property
    def request(self) -> RefundRequest:
        """Return the request without its reason. It confirms what was read."""
        return replace(
            self.form.request, confirmed=frozenset(warned.warning.code for warned in self.warned if warned.is_read)
        )

    @property
    def receives(self) -> str:
        """Return what the buyer gets, where a discount makes it another amount."""
        if not self.payment.has_promotion or self.amount is None:
            return ""
        if self.preview.received is None:
            return _("less than %(amount)s") % {"amount": format_money(self.amount, self.payment.currency)}
        return format_money(self.preview.received, self.payment.currency)

    @property
    def fee(self) -> Decimal:
        return self.preview.requirements.merchant_fee

    @property
    def cost(self) -> str:
        """The line with the shop's cost of refunding a virtual account."""
        if not self.fee or self.amount is None:
            return ""
        return _("%(amount)s + %(fee)s fee. Total cost %(cost)s") % {
            "amount": format_money(self.amount, self.payment.currency),
            "fee": format_money(self.fee, KRW),
            "cost": format_money(self.amount + self.fee, self.payment.currency),
        }

    @property
    def more_fields(self) -> list[BoundField]:
        """The inputs besides the amount that must be filled in."""
        return [bound for bound in self.form if bound.name not in (*HEAD_FIELDS, *self._folded)]

    @property
    def folded_fields(self) -> list[BoundField]:
        """Tax parts that may be named but mostly need not: out of the way unless they are in use."""
        return [self.form[name] for name in self._folded]

    @property
    def _folded(self) -> list[str]:
        names: list[str] = [name for name in ("tax_free", "vat_amount") if name in self.form.fields]
        needs = self.preview.requirements
        in_use = (
            needs.tax_free
            or needs.tax_free_in_full
            or any(self.form.has_error(name) or self.form[name].data for name in names)
            or any(warned.warning.field in names for warned in self.warned)
        )
        return [] if in_use else names

    @property
    def why_in_full(self) -> str:
        return self.preview.requirements.why_in_full

    @property
    def problems(self) -> list[ValidationError]:
        """Errors that belong to no single input."""
        found: list[ValidationError] = [
            *self.form.non_field_errors().as_data(),
            *self.form["expected_balance"].errors.as_data(),
        ]
        return found

    @property
    def badge(self) -> SafeString:
        return state_badge(self.payment)

    @property
    def method(self) -> str:
        return method_and_pg(self.payment.pay_method, self.payment.pg_provider)

    @property
    def destination(self) -> str:
        """Return where the money goes, and when it usually arrives; the notes tell the time of virtual accounts."""
        payment, needs = self.payment, self.preview.requirements
        where = _("To the bank account named below") if needs.account else _where(payment)
        # A refund of a part takes longer: the amount may still be changed.
        arrival = None if needs.account else usual_arrival(payment, cancelled_at=timezone.now(), in_full=False)
        if arrival is None or arrival.last is None:
            return where
        if arrival.last == 0:
            return _("%(where)s, usually the same day") % {"where": where}
        if arrival.last == 1:
            return _("%(where)s, usually by the next business day") % {"where": where}
        days = {"where": where, "first": arrival.first, "last": arrival.last}
        return _("%(where)s, usually within %(first)s to %(last)s business days") % days

    @property
    def plain_refundable(self) -> str:
        """For the form and its script."""
        return f"{quantize(self.payment.refundable_amount, self.payment.currency):f}"

    @property
    def plain_fee(self) -> str:
        return f"{quantize(self.fee, KRW):f}"

    @property
    def precision(self) -> int:
        return precision(self.payment.currency)


def _where(payment: Payment) -> str:
    if payment.pay_method == "card":
        return " ".join([_("Back to the card"), card_label(payment), payment.card_number[-4:]]).strip()
    if payment.pay_method == "trans":
        return " ".join(
            [_("Back to the bank account that paid"), bank_name(payment.bank_code, payment.bank_name)]
        ).strip()
    if payment.pay_method == "phone":
        return _("Off the mobile phone bill")
    return _("Back through %(method)s") % {"method": method_label(payment.pay_method)}


def shown_before(form: OrderForm, preview: RefundPreview) -> list[Warned]:
    """Return the warnings of an order about which nothing was typed yet."""
    return [
        Warned(warning, form.mark_of(warning, is_typed=False), has_tick=False, is_read=True)
        for warning in _listed(preview)
    ]


def to_read(form: OrderForm, preview: RefundPreview) -> list[Warned]:
    """Return the warnings of an order as typed. Those that were not there before have to be ticked, with these inputs.

    Money that may reach a stranger always has to be.
    """
    found = []
    for warning in _listed(preview):
        before, now = form.mark_of(warning, is_typed=False), form.mark_of(warning, is_typed=True)
        if before in form.marks and warning.code not in STRANGER:
            found.append(Warned(warning, before, has_tick=False, is_read=True))
        else:
            found.append(Warned(warning, now, has_tick=True, is_read=now in form.marks))
    return found


def _listed(preview: RefundPreview) -> list[Violation]:
    return [warning for warning in preview.warnings if warning.code not in LIVE]
