"""Messages of the rules for staff and buyers, by rule code: the problem and what to do next."""

from collections.abc import Callable
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext_noop as _

from core.dates import add_months, seoul_date
from core.money import KRW, format_money, quantize
from core.sentences import sentence as gettext
from payments.labels import method_label, pg_label
from refunds.policies.context import RefundContext
from refunds.policies.pg_facts import KSNET_PERIOD, merchant_cost
from refunds.policies.promotions import discount_left_out, expected
from refunds.policies.taxes import tax_free_least, tax_free_left, vat_left

EXAMPLE = Decimal(1000)  # shows decimals; not the amount to refund

SENTENCES = {
    "payment_failed": _("The payment of this order failed, so there is nothing to refund."),
    "payment_pending": _(
        "i'mport shows this payment as pending: it is not known yet whether it is paid. Use “Check with "
        "i'mport” later, and refund it when it is paid."
    ),
    "status_unknown": _(
        "i'mport shows a status that is not known here (%(status)s), and no time of payment. Look at the order "
        "in i'mport's console, and refund it there if it was paid."
    ),
    "not_paid": _(
        "This order has not been paid, so there is nothing to refund. If the buyer did pay, use "
        "“Check with i'mport” first."
    ),
    "already_refunded": _("This order has already been refunded in full (%(paid)s): nothing is left to refund."),
    "test_payment": _(
        "This is a test payment, not real money. Only the shop's staff can refund it, in the admin or at the "
        "command line."
    ),
    "currency_not_supported": _(
        "Amounts in %(currency)s may be rounded here, so this payment cannot be refunded here. Refund it in "
        "i'mport's console."
    ),
    "naver_order": _(
        "Naver Pay orders are refunded per product order. Cancel or return the product order in Naver's seller centre."
    ),
    "convenience_store": _("%(pg)s cannot refund convenience store payments. Refund the buyer another way."),
    "danal_vbank": _("%(pg)s cannot refund virtual accounts. Transfer the money to the buyer yourself."),
    "phone_next_month": _(
        "Mobile phone payments can only be refunded in the month of payment. This one was paid on "
        "%(paid_on)s. Refund the buyer another way."
    ),
    "ksnet_too_late": _(
        "%(pg)s refunds within 6 months of payment, so this order could be refunded until "
        "%(last_day)s. Refund the buyer another way."
    ),
    "ksnet_night": _(
        "%(pg)s does not refund virtual accounts between 23:00 and 06:00 Korean time. Try again after 06:00."
    ),
    "balance_changed": _("The refundable amount has changed to %(refundable)s. Check the amount and try again."),
    "amount_not_positive": _("The amount must be more than zero. Up to %(refundable)s can be refunded."),
    "amount_too_precise": _("The amount has more decimals than its currency. Write it like %(example)s."),
    "amount_exceeds_balance": _("%(asked)s is more than the refundable amount. Enter %(refundable)s or less."),
    "phone_partial": _(
        "Mobile phone payments can only be refunded in full (%(paid)s). Otherwise refund the buyer another way."
    ),
    "gift_certificate_partial": _(
        "%(pg)s refunds this gift certificate only in full (%(paid)s). Otherwise refund the buyer another way."
    ),
    "escrow_partial": _(
        "%(pg)s refunds escrow payments only in full (%(paid)s). Otherwise refund the buyer another way."
    ),
    "ksnet_partial_limit": _(
        "%(pg)s allows at most 9 partial refunds of one payment, and all are used. Refund the rest another way."
    ),
    "account_required": _(
        "This refund is paid to a bank account: enter the account holder, the bank and the account number."
    ),
    "bank_unknown": _("Unknown bank “%(bank)s”. Choose one from the list or enter its three-digit code."),
    "bank_not_listed": _(
        "%(pg)s cannot pay into an account at “%(bank)s”. Ask the buyer for an account at another bank."
    ),
    "account_invalid": _(
        "The account number must have 6 to 20 digits; spaces and hyphens are ignored. Check it with the buyer."
    ),
    "account_is_virtual": _(
        "This is the virtual account that was paid into. Ask the buyer for an account of their own."
    ),
    "tel_required": _("%(pg)s needs the account holder's telephone number for this refund. Enter it."),
    "tel_invalid": _("The telephone number is incomplete. Enter it with its prefix, such as 010-1234-5678."),
    "reason_required": _("%(pg)s needs a reason for the refund. Enter a reason that the buyer can read."),
    "account_in_reason": _(
        "The reason contains the account number. The buyer, the payment gateway and other programs read the reason: "
        "take the number out."
    ),
    "requester_invalid": _("%(pg)s needs to know who requested the refund. Choose the buyer or the shop."),
    "promotion_kept_by_shop_only": _(
        "Only the shop can let the rest of this order keep its promotion. Ask the shop, or leave this option out."
    ),
    "promotion_must_be_kept": _(
        "The first partial refund of this order kept the promotion, and i'mport refuses anything else now. Keep the "
        "promotion here too."
    ),
    "promotion_must_not_be_kept": _(
        "The first partial refund of this order did not keep the promotion, and i'mport refuses anything else now. Do "
        "not keep the promotion here."
    ),
    "tax_free_not_supported": _(
        "%(pg)s takes no tax-free part with this payment method. Leave the tax-free part empty."
    ),
    "tax_free_required": _(
        "This payment may include tax-free goods, and %(pg)s does not refund them correctly without their amount. "
        "Enter the tax-free part of this refund, or 0 if there is none."
    ),
    "tax_free_negative": _("The tax-free part cannot be less than zero. Enter 0 if there is none."),
    "tax_free_too_precise": _("The tax-free part has more decimals than its currency. Write it like %(example)s."),
    "tax_free_exceeds_amount": _("The tax-free part is more than the refund (%(asked)s). Enter that much or less."),
    "tax_free_exceeds_balance": _("Only %(tax_free_left)s of the tax-free part is left. Enter that much or less."),
    "tax_free_too_small": _(
        "At least %(tax_free_least)s of this refund must be tax-free, because too little of the "
        "taxable part is left. Enter that much or more."
    ),
    "vat_not_supported": _("%(pg)s calculates the VAT itself. Leave the VAT part empty."),
    "vat_required": _("The VAT was stated at payment, so %(pg)s needs the VAT part of this refund. Enter it."),
    "vat_only_with_partial": _("%(pg)s accepts the VAT part only for partial refunds. Leave it empty."),
    "vat_negative": _("The VAT part cannot be less than zero. Enter 0 if there is none."),
    "vat_too_precise": _("The VAT part has more decimals than its currency. Write it like %(example)s."),
    "vat_exceeds_amount": _(
        "The VAT part is more than the taxable part of this refund. Check the amount and its parts."
    ),
    "vat_exceeds_balance": _("Only %(vat_left)s of VAT is left in this payment. Enter that much or less."),
    # Warnings
    "vbank_contract": _(
        "Refunds of virtual accounts need a refund contract with %(pg)s. Without one, i'mport "
        "refuses the refund. If the shop has one, an administrator can turn off this notice."
    ),
    "vbank_fee": _("The transfer fee is %(fee)s: refunding %(asked)s costs the shop %(cost)s."),
    "vbank_payout": _("The money usually reaches the buyer's account within 1 to 2 business days."),
    "vbank_next_day_payout": _(
        "The money reaches the buyer's account by the next business day. The bank book shows “한국사이버결제”, unless "
        "the shop has changed the sender at %(pg)s."
    ),
    "vbank_thursday_payout": _(
        "%(pg)s pays on Thursdays: refunds requested by Tuesday in the same week, later ones in the next week."
    ),
    "vbank_slow_payout": _(
        "%(pg)s checks and pays by hand: the money reaches the buyer's account after 7 or more business days."
    ),
    "settles_later": _("%(pg)s accepts the refund first, and completes or refuses it later. Check back later."),
    "fee_kept": _("The day of payment is over, so the shop does not get back the fee of this payment."),
    "escrow": _(
        "This is an escrow payment. %(pg)s may refuse the refund, depending on whether the buyer has confirmed the "
        "purchase. If it does, use the PG's escrow service."
    ),
    "convenience_store_paid": _(
        "Convenience store payments can usually be cancelled only before they are paid. If this is refused, refund the "
        "buyer another way."
    ),
    "phone_approved_anew": _("%(pg)s cancels the whole payment and approves the rest again."),
    "welcome_partial": _(
        "%(pg)s refunds in part only with its partial refund service. If the shop has it, an administrator can turn "
        "off this notice."
    ),
    "paymentwall_partial": _(
        "%(pg)s does not refund in part if it processed another currency than the one requested. If this is refused, "
        "refund the full %(paid)s."
    ),
    "late_refund": _(
        "This order was paid on %(paid_on)s, and a refund this late is usually refused (%(method)s). "
        "If it is, refund the buyer another way."
    ),
    "points_partial": _(
        "Payments with points can often only be refunded in full. If this is refused, refund the full %(paid)s."
    ),
    "foreign_card_partial": _(
        "Foreign cards can often only be refunded in full. If this is refused, refund the full %(paid)s."
    ),
    "status_unusual": _(
        "i'mport shows a status that is not known here (%(status)s). Look at the order in i'mport's console "
        "before you refund it."
    ),
    "promotion": _(
        "A discount was applied to this payment. Enter the amount before the discount: the buyer receives less. "
        "If i'mport refuses the refund for its balance, refund the order in i'mport's console."
    ),
    "promotion_expected": _(
        "The buyer is expected to receive %(expected)s, which is the amount without the discount of %(discount)s. "
        "i'mport decides."
    ),
    "promotion_expected_kept": _(
        "If the discount is a percentage, the buyer is expected to receive %(expected)s. i'mport decides."
    ),
    "promotion_depends": _(
        "What the buyer receives depends on the promotion's conditions. If the rest does not meet them, it loses the "
        "discount of %(discount)s, and the buyer is expected to receive %(without_discount)s. i'mport decides."
    ),
    "promotion_may_refuse": _(
        "If the rest does not meet the promotion's conditions, it loses the discount of %(discount)s, so nothing is "
        "left to give back and i'mport can refuse this refund. Refund more, or keep the promotion."
    ),
    "taken_back": _(
        "i'mport took a refund of this order back. First accept the reversal on the payment's page: until then i'mport "
        "refuses a refund, because the balances differ."
    ),
    "promotion_option_unknown": _(
        "A part was refunded outside this system, and i'mport does not show whether the promotion was kept. It refuses "
        "the other option: then change “Keep the promotion”."
    ),
    "tax_free_counts_as_zero": _(
        "%(pg)s takes a refund without its tax-free part as fully taxable. If tax-free goods are refunded, enter their "
        "amount."
    ),
    "tax_free_of_discount": _(
        "%(pg)s reports a discount on tax-free goods, and i'mport does not say how it counts. Check the tax-free part."
    ),
    "tax_free_unchecked": _(
        "%(pg)s does not check the tax-free part of this refund. Make sure that it is exactly right."
    ),
    "tax_parts_of_first_only": _(
        "%(pg)s counts the tax parts of the first refund only and computes the others itself."
    ),
    "vat_not_named": _("If the payment stated its VAT, %(pg)s needs the VAT of this refund too. Enter it then."),
}


def sentence(code: str, context: RefundContext) -> str:
    """Return the message of the rule `code` in the active language, with its placeholders filled in."""
    return gettext(SENTENCES[code]) % _Words(context)


def _money(context: RefundContext, amount: Decimal | None) -> str:
    return format_money(amount or Decimal(0), context.payment.currency)


def _paid_on(context: RefundContext) -> str:
    paid_at = context.payment.paid_at
    return date_format(seoul_date(paid_at)) if paid_at else ""


def _last_day(context: RefundContext) -> str:
    paid_at = context.payment.paid_at
    return date_format(add_months(seoul_date(paid_at), KSNET_PERIOD.months)) if paid_at else ""


PLACEHOLDERS: dict[str, Callable[[RefundContext], str]] = {
    "asked": lambda c: _money(c, c.amount),
    "refundable": lambda c: _money(c, c.payment.refundable_amount),
    "paid": lambda c: _money(c, c.payment.amount),
    "example": lambda c: str(quantize(EXAMPLE, c.payment.currency)),
    "tax_free_left": lambda c: _money(c, tax_free_left(c)),
    "tax_free_least": lambda c: _money(c, tax_free_least(c)),
    "vat_left": lambda c: _money(c, vat_left(c)),
    "discount": lambda c: _money(c, c.payment.promotion_discount),
    "expected": lambda c: _money(c, expected(c)),
    "without_discount": lambda c: _money(c, discount_left_out(c)),
    "fee": lambda c: format_money(c.vbank_fee, KRW),
    "cost": lambda c: _money(c, merchant_cost(c)),
    "currency": lambda c: c.payment.currency,
    "status": lambda c: c.payment.status,
    "method": lambda c: method_label(c.payment.pay_method),
    "pg": lambda c: pg_label(c.payment.pg_provider) or gettext("the payment gateway"),
    "bank": lambda c: c.request.refund_bank.strip(),
    "paid_on": _paid_on,
    "last_day": _last_day,
}


class _Words:
    """Compute only the placeholders that a message uses."""

    def __init__(self, context: RefundContext) -> None:
        self._context = context

    def __getitem__(self, name: str) -> str:
        return PLACEHOLDERS[name](self._context)
