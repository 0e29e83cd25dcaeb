"""Check a refund against the rules, and list the fields that a refund form needs."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from payments.models import Payment
from refunds.inputs import RefundRequest
from refunds.models import RefundRecord
from refunds.policies import pg_facts, promotions, taxes
from refunds.policies.context import RefundContext, Verdict
from refunds.policies.rules import (
    AMOUNT,
    IMPOSSIBLE,
    INPUTS,
    PARTIAL,
    TAX_PARTS,
    WARNINGS,
    broken_rules,
    first_broken,
)


def check(context: RefundContext) -> Verdict:
    """Check one refund against every rule. The first violation is the most useful one.

    A payment that cannot be refunded at all gets that one violation only. A wrong amount skips the rules that depend
        on the amount, but not those of the other inputs, so that a form can mark them together.
    """
    if impossible := first_broken(IMPOSSIBLE, context):
        return Verdict(impossible, ())
    inputs = tuple(violation for group in INPUTS for violation in first_broken(group, context))
    if wrong_amount := first_broken(AMOUNT, context):
        return Verdict(wrong_amount + inputs, ())
    parts = tuple(violation for group in TAX_PARTS for violation in first_broken(group, context))
    return Verdict(first_broken(PARTIAL, context) + inputs + parts, broken_rules(WARNINGS, context))


def needs_earlier(payment: Payment) -> bool:
    """Return whether a rule looks at the earlier refunds: for the rest of the tax parts, or the promotion's option."""
    return payment.cancel_amount > 0 and bool(payment.tax_free or payment.vat_amount or payment.has_promotion)


@dataclass(frozen=True, slots=True)
class Requirements:
    """The inputs that a refund form needs for one payment."""

    account: bool  # holder, bank and account number
    tel: bool  # the holder's telephone
    reason: bool
    requester: bool  # buyer or shop
    why_in_full: str  # why only the whole amount can be refunded; "" where a part can be
    tax_free: bool  # a partial refund must name its tax-free part
    tax_free_in_full: bool  # a full refund must name it too
    takes_tax_free: bool  # the tax-free part may have to be named: offer the input
    takes_vat: bool  # the VAT part may be named, at least for a partial refund: offer the input
    promotion: bool  # the rest may keep the promotion: offer the option
    promotion_kept: bool  # an earlier refund kept it, so this one must too
    merchant_fee: Decimal  # KRW, charged to the merchant in addition to the amount

    @property
    def partial_allowed(self) -> bool:
        return not self.why_in_full


def requirements(
    payment: Payment,
    now: datetime,
    contracts: frozenset[str],
    vbank_fee: Decimal,
    earlier: tuple[RefundRecord, ...] = (),
) -> Requirements:
    """Return what has to be asked for this payment. KSNET's count of partial refunds is left to `check`."""
    # Some partial refund, whatever its amount.
    half = RefundRequest(amount=payment.refundable_amount / 2)
    partial = RefundContext(payment, half, now, contracts, vbank_fee, earlier=earlier)
    full = replace(partial, request=RefundRequest())
    return Requirements(
        account=pg_facts.needs_account(payment, now, contracts),
        tel=pg_facts.needs_tel(payment),
        reason=pg_facts.needs_reason(payment),
        requester=pg_facts.needs_requester(payment),
        why_in_full=next((violation.message for violation in first_broken(PARTIAL, partial)), ""),
        tax_free=taxes.tax_free_missing(partial),
        tax_free_in_full=taxes.tax_free_missing(full),
        takes_tax_free=taxes.may_need_tax_free(full),
        takes_vat=taxes.takes_vat(partial),
        promotion=payment.has_promotion,
        promotion_kept=promotions.option_taken(full) is True,
        merchant_fee=pg_facts.merchant_fee(payment, vbank_fee),
    )
