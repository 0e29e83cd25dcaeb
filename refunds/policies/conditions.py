"""Conditions of the rules about state, amount, method and PG: each returns whether its rule is broken."""

from typing import get_args

from core.dates import is_night, is_past, seoul_date
from core.money import KRW, fits_precision, is_supported
from payments.gateway import Requester
from payments.models import PaymentStatus
from refunds.policies import pg_facts
from refunds.policies.context import RefundContext


def payment_failed(context: RefundContext) -> bool:
    return context.payment.status == PaymentStatus.FAILED


def payment_pending(context: RefundContext) -> bool:
    return context.payment.status == PaymentStatus.PENDING


def unknown_and_unpaid(context: RefundContext) -> bool:
    return context.payment.has_unknown_status and not context.payment.was_paid


def unknown_but_paid(context: RefundContext) -> bool:
    return context.payment.has_unknown_status and context.payment.was_paid


def never_paid(context: RefundContext) -> bool:
    """Return whether the payment was never paid, such as a virtual account cancelled before its deposit."""
    return not context.payment.was_paid


def nothing_left(context: RefundContext) -> bool:
    return context.payment.refundable_amount <= 0


def test_payment_of_others(context: RefundContext) -> bool:
    return context.payment.sandbox and not context.by_shop


def currency_unsupported(context: RefundContext) -> bool:
    """Return whether our copy may have rounded the amounts of this payment."""
    return not is_supported(context.payment.currency)


def balance_changed(context: RefundContext) -> bool:
    expected = context.request.expected_balance
    return expected is not None and expected != context.payment.refundable_amount


def not_positive(context: RefundContext) -> bool:
    return context.amount <= 0


def too_precise(context: RefundContext) -> bool:
    return not fits_precision(context.amount, context.payment.currency)


def exceeds_balance(context: RefundContext) -> bool:
    return context.amount > context.payment.refundable_amount


def phone_month_over(context: RefundContext) -> bool:
    over = pg_facts.phone_month_is_over(context.payment, context.now)
    return over and not pg_facts.phone_refundable_later(context.payment, context.contracts)


def phone_in_part(context: RefundContext) -> bool:
    in_part = context.payment.pay_method == "phone" and context.is_partial
    return in_part and not pg_facts.phone_partly_refundable(context.payment, context.contracts)


def phone_approved_anew(context: RefundContext) -> bool:
    by_phone = context.payment.pay_method == "phone" and context.is_partial
    return by_phone and context.payment.pg_provider in pg_facts.PHONE_REAPPROVING_PGS


def gift_certificate_in_part(context: RefundContext) -> bool:
    in_full_only = pg_facts.GIFT_CERTIFICATES.get(context.payment.pg_provider, frozenset())
    return context.is_partial and context.payment.pay_method in in_full_only


def escrow_in_part(context: RefundContext) -> bool:
    in_full_only = context.payment.pg_provider in pg_facts.ESCROW_FULL_PGS
    return context.payment.escrow and context.is_partial and in_full_only


def escrow(context: RefundContext) -> bool:
    """Return whether the buyer's confirmation, which a payment does not show, decides about the refund."""
    return context.payment.escrow


def order_type(context: RefundContext) -> bool:
    return context.payment.pg_provider == pg_facts.ORDER_TYPE_PG


def convenience_store_never(context: RefundContext) -> bool:
    return _convenience_store(context) and context.payment.pg_provider in pg_facts.NO_CONVENIENCE_STORE_PGS


def convenience_store_paid(context: RefundContext) -> bool:
    return _convenience_store(context) and not convenience_store_never(context)


def _convenience_store(context: RefundContext) -> bool:
    return context.payment.pay_method in pg_facts.CONVENIENCE_STORE


def welcome_in_part(context: RefundContext) -> bool:
    has_service = pg_facts.WELCOME_PARTIAL_CONTRACT in context.contracts
    return context.payment.pg_provider == "welcome" and context.is_partial and not has_service


def paymentwall_in_part(context: RefundContext) -> bool:
    return context.payment.pg_provider == "paymentwall" and context.is_partial


def fee_kept(context: RefundContext) -> bool:
    """Return whether the PG keeps its fee, because the day of payment is over in Korea."""
    payment = context.payment
    keeps_fee = payment.pay_method == "trans" or payment.pg_provider == "paymentwall"
    return keeps_fee and payment.paid_at is not None and seoul_date(context.now) > seoul_date(payment.paid_at)


def points_in_part(context: RefundContext) -> bool:
    return context.payment.pay_method == "point" and context.is_partial


def maybe_foreign_card_in_part(context: RefundContext) -> bool:
    """Return whether a card payment in a foreign currency is refunded in part.

    The payment does not show where its card was issued; the currency only suggests it.
    """
    foreign = context.payment.pay_method == "card" and context.payment.currency != KRW
    return foreign and context.is_partial


def ksnet_parts_used_up(context: RefundContext) -> bool:
    used_up = context.partial_refunds >= pg_facts.KSNET_MAX_PARTIALS
    return pg_facts.counts_partials(context.payment) and used_up and context.is_partial


def ksnet_period_over(context: RefundContext) -> bool:
    """Return whether KSNET's refund period is over. Without a payment date, leave the decision to the PG."""
    paid_at = context.payment.paid_at
    by_ksnet = context.payment.pg_provider == "ksnet"
    return by_ksnet and paid_at is not None and is_past(context.now, paid_at, pg_facts.KSNET_PERIOD)


def ksnet_vbank_at_night(context: RefundContext) -> bool:
    by_ksnet = context.payment.pg_provider == "ksnet"
    at_night = is_night(context.now, from_hour=pg_facts.KSNET_NIGHT_FROM, to_hour=pg_facts.KSNET_NIGHT_TO)
    return by_ksnet and vbank(context) and at_night


def vbank(context: RefundContext) -> bool:
    return context.payment.pay_method == "vbank"


def vbank_without_refunds(context: RefundContext) -> bool:
    return vbank(context) and context.payment.pg_provider in pg_facts.NO_VBANK_PGS


def vbank_contract_unnamed(context: RefundContext) -> bool:
    return vbank(context) and not pg_facts.has_vbank_contract(context.payment, context.contracts)


def vbank_fee_due(context: RefundContext) -> bool:
    return vbank(context) and context.vbank_fee > 0


def vbank_paid_slowly(context: RefundContext) -> bool:
    return vbank(context) and context.payment.pg_provider in pg_facts.SLOW_VBANK_PGS


def vbank_paid_next_day(context: RefundContext) -> bool:
    return vbank(context) and context.payment.pg_provider in pg_facts.NEXT_DAY_VBANK_PGS


def vbank_paid_on_thursdays(context: RefundContext) -> bool:
    return vbank(context) and context.payment.pg_provider in pg_facts.THURSDAY_VBANK_PGS


def vbank_paid_as_usual(context: RefundContext) -> bool:
    """Return whether the refund takes the usual time. A PG that settles later has paid once i'mport shows it."""
    special = (vbank_paid_slowly, vbank_paid_next_day, vbank_paid_on_thursdays, settles_later)
    return vbank(context) and not any(condition(context) for condition in special)


def reason_missing(context: RefundContext) -> bool:
    return pg_facts.needs_reason(context.payment) and not (
        context.request.reason.strip() or context.request.reason_code
    )


def requester_unknown(context: RefundContext) -> bool:
    return pg_facts.needs_requester(context.payment) and context.request.requester not in get_args(Requester)


def taken_back(context: RefundContext) -> bool:
    """Return whether i'mport shows less refunded than we recorded: `checksum` then names another balance."""
    return context.payment.taken_back > 0


def settles_later(context: RefundContext) -> bool:
    return pg_facts.settles_later(context.payment)


def usual_period_over(context: RefundContext) -> bool:
    paid_at, period = context.payment.paid_at, pg_facts.usual_period(context.payment)
    return paid_at is not None and period is not None and is_past(context.now, paid_at, period)


def promotion_applied(context: RefundContext) -> bool:
    return context.payment.has_promotion
