"""The tax parts of a payment as stated by the shop: parts of the amount, in its currency."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from core.money import fits_precision, format_money, quantize
from core.sentences import sentence as _
from payments.models import Payment

TAX_PARTS = ("tax_free", "vat_amount")


def wrong_parts(payment: Payment, parts: Mapping[str, Decimal | None]) -> Iterator[tuple[str, str]]:
    """Yield the name and the problem of each part (None: not known) that cannot be a part of the payment's amount."""
    known = {name: part for name, part in parts.items() if part is not None}
    paid = {"paid": format_money(payment.amount, payment.currency)}
    example = {"example": quantize(Decimal(1000), payment.currency)}
    too_much = sum(known.values()) > payment.amount
    for name, part in known.items():
        if too_much or part < 0:
            yield name, _("The tax-free part and the VAT part must be parts of the amount paid (%(paid)s).") % paid
        elif not fits_precision(part, payment.currency):
            yield name, _("The amount has more decimals than its currency. Write it like %(example)s.") % example
